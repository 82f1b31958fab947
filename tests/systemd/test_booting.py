"""The machine that the other tests of systemd use."""

from booting import machine


def test_a_machine_keeps_its_disk_over_a_reboot_and_nothing_else():
    with machine() as one:
        assert one.do("systemctl", "--failed", "--quiet", "--legend=no") == ""
        assert one.do("expokeepd", "--version").startswith("expokeepd, version")
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
        assert one.do(*nobody, "expokeep", "--version").startswith("expokeep, version")
        for place in ("/tmp", "/run", "/var/lib"):
            one.write(f"{place}/thing", "kept?")

        one.reboot()

        left = [one.path(f"{place}/thing").exists() for place in ("/tmp", "/run")]
        assert left == [False, False]
        assert one.path("/var/lib/thing").read_text() == "kept?"
        assert one.do("cat", "/proc/1/comm") == "systemd\n"
