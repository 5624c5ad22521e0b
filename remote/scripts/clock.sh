# Part of a script, not one of its own: a clock that does not jump, unlike the time of day, which NTP or a person sets.

# Prints the milliseconds since this machine began, in steps of 10.
now() {
    IFS=' .' read -r edgepaas_seconds edgepaas_hundredths _ </proc/uptime
    # 107 and not 07, which would be octal.
    echo $((edgepaas_seconds * 1000 + (1$edgepaas_hundredths - 100) * 10))
}
