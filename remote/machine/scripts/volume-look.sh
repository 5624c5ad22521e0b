# Reads what can be known of a data volume, as key=value lines. id: the volume's. device: a name to fall
# back to, or empty. where: the directory it belongs to. A line "candidate=DEVICE" for each device that the id leads to.
: "${id:?}" "${device?}" "${where:?}"
id=$(echo "$id" | tr -d -)
found=$(
    {
        # The link has the namespace at its end on newer systems.
        for link in /dev/disk/by-id/*"$id" /dev/disk/by-id/*"${id}_1" /dev/disk/by-id/*"$id-ns-1"; do
            if [ -e "$link" ]; then readlink -f "$link"; fi
        done
        for serial in /sys/block/*/device/serial; do
            [ -r "$serial" ] || continue
            if [ "$(tr -d ' -' <"$serial")" = "$id" ]; then
                block=${serial#/sys/block/}
                echo "/dev/${block%%/*}"
            fi
        done
    } | sort -u
)
if [ -z "$found" ] && [ -n "$device" ] && [ -b "$device" ]; then found=$(readlink -f "$device"); fi
for device in $found; do echo "candidate=$device"; done
device=${found%%
*}
lsblk -dpno NAME,SIZE,TYPE 2>/dev/null | awk '$3 == "disk" || $3 == "loop" { print "disk=" $1 " " $2 }'
echo "mounted=$(findmnt -rno SOURCE -M "$where" 2>/dev/null)"
echo "filesystem_bytes=$(df -Pk "$where" 2>/dev/null | awk 'NR == 2 { printf "%.0f", $2 * 1024 }')"
echo "fstab=$(awk -v where="$where" '$1 !~ /^#/ && $2 == where { print $1, $3, $4; exit }' /etc/fstab 2>/dev/null)"
echo "sentinel=$(cat "$where/.edgepaas-volume" 2>/dev/null)"
echo "bound=$(systemctl show docker -p Requires 2>/dev/null | grep -c "$(systemd-escape -p --suffix=mount "$where")")"
[ -f /etc/systemd/system/docker.service.d/10-volume.conf ] && echo "drop_in=yes"
echo "used_bytes=$(du -sxk "$where" 2>/dev/null | awk '{ printf "%.0f", $1 * 1024 }')"
echo "data_root=$(docker info --format '{{.DockerRootDir}}' 2>/dev/null)"
[ -f /var/lib/edgepaas/volume-formatting ] && echo "formatting=$(cat /var/lib/edgepaas/volume-formatting)"
[ -n "$device" ] || exit 0
name=${device##*/}
echo "bytes=$(blockdev --getsize64 "$device")"
# -p: from the device itself, not from a cache. 2: nothing recognised.
blkid -p -o export "$device" 2>/dev/null | sed -n 's/^TYPE=/type=/p; s/^UUID=/uuid=/p; s/^LABEL=/label=/p; s/^PTTYPE=/table=/p'
for part in /sys/class/block/"$name"/*/partition; do
    if [ -e "$part" ]; then
        part=${part%/partition}
        echo "partition=/dev/${part##*/}"
    fi
done
for holder in /sys/class/block/"$name"/holders/*; do
    if [ -e "$holder" ]; then echo "holder=/dev/${holder##*/}"; fi
done
findmnt -rno TARGET -S "$device" 2>/dev/null | sed 's/^/mount=/'
