# Puts Docker's directory on a volume. device, type (of the file system), where. what: format or adopt. id: the
# volume's. services: where services are.
# The part in which Docker is down runs as a unit of systemd, which starts Docker again however that part ends.
# Prints a line for each change. Nothing here deletes data that is not known to be on the volume as well.
set -eu
: "${device:?}" "${type:?}" "${where:?}" "${what:?}" "${id:?}" "${services:?}"
state=/var/lib/edgepaas
marker=$state/volume-formatting
mkdir -p "$state"
if [ "$what" = format ]; then
    # Looked at again, right before: nothing but an empty device is ever formatted.
    if [ "$(cat "$marker" 2>/dev/null)" != "$id" ]; then
        if blkid -p "$device" >/dev/null 2>&1 || [ -n "$(wipefs -n "$device" 2>/dev/null)" ] || findmnt -S "$device" >/dev/null 2>&1; then
            echo "$device is not empty: it was not formatted" >&2
            exit 50
        fi
    fi
    # Should we be killed now, the next run knows that what it finds there is its own half-made file system.
    echo "$id" >"$marker.new"
    mv "$marker.new" "$marker"
    sync "$marker"
    echo "making an $type file system on $device" >&2
    case $type in
    ext4) mkfs.ext4 -q -F -L edgepaas "$device" >&2 ;;
    xfs) mkfs.xfs -q -f -L edgepaas -n ftype=1 "$device" >&2 ;;
    *) exit 64 ;;
    esac
    sync
    rm -f "$marker"
    echo "formatted $device as $type"
fi
if [ -e "$marker" ] && [ "$(cat "$marker")" != "$id" ]; then rm -f "$marker"; fi
uuid=$(blkid -p -s UUID -o value "$device")
line="UUID=$uuid $where $type defaults,noatime,nofail,x-systemd.device-timeout=30s 0 2"

drop_in=/etc/systemd/system/docker.service.d/10-volume.conf
if [ "$(sed -n 's/^RequiresMountsFor=//p' "$drop_in" 2>/dev/null)" != "$where" ]; then
    mkdir -p "${drop_in%/*}"
    printf '# Docker does not start without its volume: it would begin anew on the root disk.\n[Unit]\nRequiresMountsFor=%s\n' "$where" >"$drop_in.new"
    mv "$drop_in.new" "$drop_in"
    systemctl daemon-reload
    echo "bound docker to $where"
fi

staging=$state/volume
on_volume() { mountpoint -q "$where" && [ "$(mountpoint -d "$where")" = "$(mountpoint -x "$device")" ]; }
if ! on_volume; then
    if ! systemd-run --help | grep -q -e --pipe; then
        echo "the systemd of this host is too old to move Docker's data safely" >&2
        exit 55
    fi
    no_deploy "$services"
    # Containers that outlived their daemon would write on while their files are copied, and only it can name them.
    if command -v dockerd >/dev/null && ! docker info >/dev/null 2>&1 && grep -qsx 'containerd-shim.*' /proc/[0-9]*/comm; then
        echo "Docker does not answer while containers run: start it first; nothing was moved" >&2
        exit 57
    fi
    mkdir -p "$staging" "$where"
    if ! mountpoint -q "$staging"; then mount -t "$type" "$device" "$staging"; fi
    inside=$(find "$staging" -mindepth 1 -maxdepth 1 ! -name lost+found)
    if [ -e "$staging/.edgepaas-volume" ]; then
        # A volume that served before, on another instance perhaps: what it holds is what counts.
        if find "$where/containers" "$where/volumes" "$where"/image/*/imagedb/content/sha256 -mindepth 1 -maxdepth 1 \
            ! -name metadata.db ! -name backingFsBlockDev 2>/dev/null | grep -q .; then
            umount "$staging"
            echo "both the volume and $where hold Docker data: nothing was moved; empty one of them" >&2
            exit 54
        fi
    elif [ -e "$staging/.edgepaas-copying" ] || [ -z "$inside" ]; then
        # Docker's own mounts lie below; -x keeps out of them.
        needed=$(du -sxk "$where" | cut -f1)
        room=$(($(df -Pk "$staging" | awk 'NR == 2 { print $4 }') + $(du -sxk "$staging" | cut -f1)))
        if [ -n "$(ls -A "$where")" ] && [ $((needed + needed / 20 + 65536)) -gt "$room" ]; then
            umount "$staging"
            echo "$where holds $((needed / 1024)) MB, the volume has room for $((room / 1024)) MB: nothing was moved" >&2
            exit 51
        fi
    else
        umount "$staging"
        echo "$device holds files that are not ours: nothing was moved" >&2
        exit 54
    fi
    cat >"$state/volume-move.new" <<'MOVE'
set -eu
where=$1 staging=$2 line=$3 state=$4
running=
if command -v docker >/dev/null && docker info >/dev/null 2>&1; then running=$(docker ps -q | xargs -r docker inspect -f '{{.State.Pid}}'); fi
pictured() { docker images -q --no-trunc | sort; docker ps -aq --no-trunc | sort; docker volume ls -q | sort; }
before=$(pictured 2>/dev/null || :)
systemctl stop docker.socket docker 2>/dev/null || :
# With live-restore containers outlive the daemon. Ended like this they are started again by it, unlike by docker stop.
for pid in $running; do kill -TERM "$pid" 2>/dev/null || :; done
tries=0
for pid in $running; do
    while [ -d "/proc/$pid" ] && [ "$tries" -lt 60 ]; do
        tries=$((tries + 1))
        sleep 0.5
    done
    kill -KILL "$pid" 2>/dev/null || :
done
sleep 0.5
# What containers left mounted below is mounted anew when they start.
findmnt -rno TARGET | grep "^$where/" | sort -r | while read -r below; do umount "$below" || umount -l "$below"; done
if [ ! -e "$staging/.edgepaas-volume" ]; then
    echo "copying $(du -sxm "$where" | cut -f1) MB from $where to the volume" >&2
    # A rerun begins anew: what a killed one left is a part of a copy and nothing else.
    : >"$staging/.edgepaas-copying"
    find "$staging" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name .edgepaas-copying -exec rm -rf {} +
    cp -ax "$where/." "$staging/"
    list() { (cd "$1" && find . -xdev ! -path ./lost+found ! -path './.edgepaas*' \( -type d -printf '%P %y %m %U %G\n' -o -printf '%P %y %m %U %G %s %l\n' \) | sed 1d | sort); }
    list "$where" >"$state/before"
    list "$staging" >"$state/after"
    if ! cmp -s "$state/before" "$state/after"; then
        diff "$state/before" "$state/after" | head -n 5 >&2
        echo "the copy differs from $where: Docker stays where it was" >&2
        exit 52
    fi
    rm "$state/before" "$state/after"
fi
sync
# From here on Docker is on the volume, after a reboot too.
awk -v where="$where" '$1 ~ /^#/ || $2 != where' /etc/fstab >/etc/fstab.edgepaas
echo "$line" >>/etc/fstab.edgepaas
chmod 644 /etc/fstab.edgepaas
mv /etc/fstab.edgepaas /etc/fstab
umount "$staging"
systemctl daemon-reload
mount "$where"
echo "mounted the volume on $where"
if command -v dockerd >/dev/null; then
    systemctl reset-failed docker.service docker.socket 2>/dev/null || :
    systemctl start docker
    tries=0
    until docker info >/dev/null 2>&1 || [ "$tries" -ge 60 ]; do
        tries=$((tries + 1))
        sleep 0.5
    done
    if [ -n "$before" ] && [ "$(pictured)" != "$before" ]; then
        echo "Docker does not see on the volume what it had before; $where as it was is still there, below the mount" >&2
        exit 53
    fi
fi
MOVE
    mv "$state/volume-move.new" "$state/volume-move"
    # However the move ends. A file, since a daemon-reload in the middle reads the unit anew and loses a word's quotes.
    cat >"$state/volume-after.new" <<'AFTER'
systemctl daemon-reload
if [ -x /usr/bin/dockerd ] || [ -x /usr/sbin/dockerd ]; then
    systemctl reset-failed docker.service docker.socket
    systemctl start docker
fi
AFTER
    mv "$state/volume-after.new" "$state/volume-after"
    # --collect: a failed unit is not kept; the name is the lock against a second run.
    systemctl reset-failed edgepaas-volume.service 2>/dev/null || :
    systemd-run --quiet --collect --pipe --wait --unit=edgepaas-volume \
        --property="ExecStopPost=-/bin/sh $state/volume-after" \
        /bin/sh "$state/volume-move" "$where" "$staging" "$line" "$state" </dev/null
fi
if mountpoint -q "$staging"; then umount "$staging"; fi
if ! grep -qF "$line" /etc/fstab; then
    awk -v where="$where" '$1 ~ /^#/ || $2 != where' /etc/fstab >/etc/fstab.edgepaas
    echo "$line" >>/etc/fstab.edgepaas
    chmod 644 /etc/fstab.edgepaas
    mv /etc/fstab.edgepaas /etc/fstab
    systemctl daemon-reload
    echo "wrote the volume into /etc/fstab"
fi
if [ "$(cat "$where/.edgepaas-volume" 2>/dev/null)" != "$id $uuid" ]; then
    echo "$id $uuid" >"$where/.edgepaas-volume"
    echo "marked the volume as ours"
fi

# What Docker had on the root disk lies below the mount now. It is removed once Docker works with its copy.
if [ -e "$where/.edgepaas-copying" ]; then
    if command -v dockerd >/dev/null && ! docker info >/dev/null 2>&1; then
        echo "Docker does not run: what it had on the root disk is kept below the mount" >&2
        exit 56
    fi
    below=$state/below
    mkdir -p "$below"
    while mountpoint -q "$below"; do umount "$below"; done
    mount --bind "$(dirname "$where")" "$below"
    old=$below/$(basename "$where")
    # Never the volume itself, whatever the mount table looks like.
    if [ -n "$(ls -A "$old")" ] && [ "$(stat -c %d "$old")" != "$(stat -c %d "$where")" ]; then
        find "$old" -xdev -mindepth 1 -delete
        echo "moved what Docker had to the volume"
    fi
    umount "$below"
    rmdir "$below"
    rm -f "$where/.edgepaas-copying"
fi

bytes=$(blockdev --getsize64 "$device")
case $type in
ext4) size=$(dumpe2fs -h "$device" 2>/dev/null | awk -F: '/^Block count/ { n = $2 } /^Block size/ { s = $2 } END { printf "%.0f", n * s }') ;;
xfs) size=$(xfs_info "$where" | awk -F'[= ,]+' '/^data/ { for (i = 1; i < NF; i++) { if ($i == "bsize") s = $(i + 1); if ($i == "blocks") n = $(i + 1) } } END { printf "%.0f", n * s }') ;;
esac
# Less than 16 MB is what a file system leaves over at the end of its device.
if [ $((bytes - size)) -gt 16777216 ]; then
    case $type in ext4) resize2fs "$device" >&2 ;; xfs) xfs_growfs "$where" >&2 ;; esac
    echo "grew the file system from $((size / 1048576)) to $((bytes / 1048576)) MB"
fi
