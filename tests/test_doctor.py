"""Every check on machines that are made up, and the real one once."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from livecam.capture.devices import CameraInfo
from livecam.config import Resolved, load
from livecam.core.persona import Basis
from livecam.doctor import CHECKS, Finding, Status, examine, is_fit
from livecam.doctor.files import check_preset
from livecam.doctor.machine import Network, Plans, Tick
from livecam.doctor.real import ThisMachine
from livecam.errors import EngineError
from livecam.faces.consents import Consents
from livecam.faces.library import PersonaLibrary
from livecam.inference.backends import Backend, Facts
from livecam.inference.plan_key import Flavour, Kind, SideKey
from livecam.inference.plans import PlanCache
from livecam.inference.tuned import Choice, Tuned
from livecam.output.outputs import OutputInfo
from livecam.output.pipewire_setup import PipeWireSetup
from tests.faces.doubles import photo
from tests.inference.computers import RTX_3060, PretendComputer, card

PACKAGES = (
    "numpy opencv-python-headless onnxruntime onnx flatbuffers av click rich platformdirs psutil starlette uvicorn"
)
WEBCAM = CameraInfo(0, "HD Webcam", "/dev/video0", "/dev/v4l/by-id/usb-hd")
NO_PIPEWIRE = PipeWireSetup("", (), "", running=False)
GOOD_TICK = Tick("tsc", 1e-9, monotonic=True)
WITH_CARD = PretendComputer((Backend.CUDA, Backend.CPU), RTX_3060)
IDLE_CARD = PretendComputer((Backend.CPU,), RTX_3060)
IDLE_H200 = PretendComputer((Backend.CPU,), card(90))
OLD_DRIVER = PretendComputer((Backend.CPU,), card(86, 12_040))
NOTHING, UNTUNED = Plans(Path("/cache/plans")), Tuned()
SOUND = Plans(Path("/cache/plans"), 2, 300_000_000, 4_000_000_000)
UNSOUND = replace(SOUND, unsound={"a.plan": "it is cut short"})
LOOPBACK = OutputInfo("/dev/video10", "livecam", "v4l2 loopback", "v4l2loopback", ready=True, exclusive_caps=True)


@dataclass
class FakeMachine:
    """A bare Linux machine on which everything needed is installed."""

    system: str = "Linux"
    distribution: str = "ubuntu debian"
    python: tuple[int, int, int] = (3, 12, 1)
    packages: Mapping[str, str] = field(default_factory=lambda: dict.fromkeys(PACKAGES.split(), "1.0"))
    opencv_error: str = ""
    computer: PretendComputer = field(default_factory=PretendComputer)
    compiled: Plans = NOTHING
    plans_error: str = ""
    measured: Tuned = UNTUNED
    tick: Tick = GOOD_TICK
    cameras_found: tuple[CameraInfo, ...] = ()
    outputs_found: tuple[OutputInfo, ...] = ()
    pipewire_found: PipeWireSetup = NO_PIPEWIRE
    files: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[str, str] = field(default_factory=dict)
    free: int = 10**11
    networks_error: str = ""
    nets: tuple[Network, ...] = (Network("landmarks", True, "verified"),)
    preset_nets: tuple[Network, ...] = ()

    def package(self, name: str) -> str:
        return self.packages.get(name, "")

    def opencv(self) -> str:
        if self.opencv_error:
            raise ImportError(self.opencv_error)
        return "5.0"

    def facts(self) -> Facts:
        return self.computer

    def plans(self) -> Plans:
        if self.plans_error:
            raise EngineError(self.plans_error, "Look at it.")
        return self.compiled

    def tuned(self) -> Tuned:
        return self.measured

    def clock(self) -> Tick:
        return self.tick

    def cameras(self) -> Sequence[CameraInfo]:
        return self.cameras_found

    def outputs(self) -> tuple[OutputInfo, ...]:
        return self.outputs_found

    def pipewire(self) -> PipeWireSetup:
        return self.pipewire_found

    def read(self, path: Path) -> str:
        return self.files.get(str(path), "")

    def exists(self, path: Path) -> bool:
        return any(name == str(path) or name.startswith(f"{path}/") for name in self.files)

    def refusal(self, folder: Path) -> str:
        return self.refusals.get(folder.name, "")

    def free_bytes(self, folder: Path) -> int:
        return self.free

    def networks(self) -> Sequence[Network]:
        if self.networks_error:
            raise ImportError(self.networks_error)
        return self.nets

    def preset_networks(self) -> Sequence[Network]:
        return self.preset_nets


def resolved(tmp_path: Path, **flags: str) -> Resolved:
    environment = {"LIVECAM_DATA": str(tmp_path / "data"), "LIVECAM_CACHE": str(tmp_path / "cache")}
    return load({name.replace("__", "."): value for name, value in flags.items()}, None, environment)


def found(machine: FakeMachine, settings: Resolved, check: str) -> list[Finding]:
    return [finding for finding in examine(machine, settings) if finding.check == check]


def only(machine: FakeMachine, settings: Resolved, check: str) -> Finding:
    (finding,) = found(machine, settings, check)
    return finding


def test_bare_machine_is_fit(tmp_path: Path) -> None:
    findings = examine(FakeMachine(), resolved(tmp_path))
    assert is_fit(findings)
    assert {finding.status for finding in findings} == {Status.OK, Status.INFO}
    assert len(findings) >= len(CHECKS)
    assert all(finding.finding.endswith(".") for finding in findings)


@pytest.mark.parametrize(
    ("change", "check", "status", "told", "step"),
    [
        ({"python": (3, 10, 9)}, "python", Status.FAIL, "3.10.9 is not supported", "Install Python 3.11"),
        ({"python": (3, 14, 0)}, "python", Status.FAIL, "3.14.0 is not supported", "Install Python"),
        ({"packages": {"numpy": "2"}}, "packages", Status.FAIL, "Missing: opencv", "pip install opencv"),
        ({"opencv_error": "libGL"}, "opencv", Status.FAIL, "does not load: libGL", "--force-reinstall opencv"),
        ({"networks_error": "onnx"}, "models", Status.FAIL, "cannot be checked: onnx", "--force-reinstall livecam"),
        (
            {"computer": PretendComputer(())},
            "providers",
            Status.FAIL,
            "embedded networks cannot run on cpu: The package",
            "pip install",
        ),
        ({"computer": WITH_CARD}, "gpu", Status.OK, "RTX 3060 (sm_86); its driver knows CUDA 13.0", ""),
        ({"computer": OLD_DRIVER}, "gpu", Status.WARN, "knows CUDA up to 12.4, and 13.0 is needed", "driver 580"),
        ({"computer": WITH_CARD}, "backend cuda", Status.OK, "Taken. It is the quickest for NVIDIA", ""),
        ({"computer": WITH_CARD}, "backend cpu", Status.OK, "It works, but cuda comes first here", "--provider cpu"),
        ({"computer": WITH_CARD}, "backend rtx", Status.INFO, "Not taken. The package", "livecam[rtx]"),
        ({"computer": IDLE_CARD}, "backend rtx", Status.WARN, "Not taken. The package", "livecam[rtx]"),
        ({"computer": IDLE_CARD}, "backend tensorrt", Status.INFO, "Not taken", "livecam[tensorrt]"),
        ({"computer": IDLE_H200}, "backend tensorrt", Status.WARN, "Not taken", "livecam[tensorrt]"),
        ({"computer": IDLE_H200}, "backend rtx", Status.INFO, "knows sm_75", "livecam[tensorrt]"),
        ({"compiled": SOUND}, "engines", Status.OK, "2 compiled networks or caches of them, 300 of 4,000 MB", ""),
        ({"compiled": UNSOUND}, "engines", Status.WARN, "a.plan must not be used: it is cut short", "engines verify"),
        ({"plans_error": "It is open to others."}, "engines", Status.WARN, "open to others", "Look at it"),
        ({"tick": Tick("pit", 1e-2, True)}, "clock", Status.WARN, "coarse", ""),
        ({"tick": Tick("pit", 1e-9, False)}, "clock", Status.FAIL, "can go back", "operating system"),
        ({"refusals": {"models": "Read-only file system"}}, "folders", Status.FAIL, "Read-only", "LIVECAM_CACHE"),
        ({"refusals": {"recordings": "No"}}, "folders", Status.WARN, "cannot be written", "writable"),
        ({"free": 10**6}, "disk", Status.WARN, "may be needed", "Free some space"),
    ],
)
def test_what_is_wrong_is_told(
    tmp_path: Path, change: dict[str, object], check: str, status: Status, told: str, step: str
) -> None:
    machine = FakeMachine()
    for name, value in change.items():
        setattr(machine, name, value)
    worst = max(found(machine, resolved(tmp_path), check), key=lambda finding: list(Status).index(finding.status))
    assert worst.status is status
    assert told in worst.finding
    assert step in worst.next_step
    assert is_fit(examine(machine, resolved(tmp_path))) is not any(
        finding.status is Status.FAIL for finding in examine(machine, resolved(tmp_path))
    )


def test_stand_in_packages_count(tmp_path: Path) -> None:
    packages = {**FakeMachine().packages, "onnxruntime": "", "onnxruntime-gpu": "1.2", "pyvirtualcam": "0.15"}
    machine = FakeMachine(packages=packages)
    assert only(machine, resolved(tmp_path), "packages").status is Status.OK
    assert only(machine, resolved(tmp_path), "extras").finding == "pyvirtualcam 0.15."


def test_named_provider_must_work(tmp_path: Path) -> None:
    settings = resolved(tmp_path, models__provider="cuda")
    refused = only(FakeMachine(), settings, "providers")
    assert refused.status is Status.FAIL
    assert "cannot run on cuda: There is no NVIDIA driver" in refused.finding
    taken = only(FakeMachine(computer=WITH_CARD), settings, "providers")
    assert (taken.status, taken.finding) == (Status.OK, "cuda: the embedded networks run on cuda.")
    compiled = resolved(tmp_path, models__provider="rtx")
    wrong = only(FakeMachine(computer=WITH_CARD), compiled, "providers")
    assert wrong.status is Status.FAIL
    assert "backend rtx was named but cannot be used" in wrong.finding


def test_what_the_preset_runs_on(tmp_path: Path) -> None:
    settings = resolved(tmp_path, neural__preset="fast")
    quick = only(FakeMachine(computer=WITH_CARD), settings, "providers")
    assert quick.status is Status.OK
    assert quick.finding == "auto: the preset fast runs on cuda; the embedded networks run on cpu."
    slow = only(FakeMachine(), settings, "providers")
    assert (slow.status, slow.next_step) == (Status.WARN, "livecam run --preset mesh")


def test_what_was_measured(tmp_path: Path) -> None:
    settings = resolved(tmp_path, neural__preset="fast")
    stale = only(FakeMachine(measured=Tuned(note="It does not hold.", next_step="tune")), settings, "tuned")
    assert (stale.status, stale.finding, stale.next_step) == (Status.INFO, "It does not hold.", "tune")
    tuned = Tuned({"swapper": Choice(Backend.CUDA, 0, 3.0, 0.0, "")})
    assert only(FakeMachine(measured=tuned), settings, "tuned").finding == "Measured here: swapper on cuda."
    assert found(FakeMachine(measured=tuned), resolved(tmp_path), "tuned") == []


def test_networks(tmp_path: Path) -> None:
    absent = (
        Network("a", False, "absent", "wheel", 35.6),
        Network("b", False, "corrupt", "wheel", 35.6),
        Network("c", True, "verified"),
    )
    here, gone = found(FakeMachine(nets=absent), resolved(tmp_path), "models")
    assert (here.status, gone.status) == (Status.OK, Status.WARN)
    assert "a: absent; b: corrupt; the first run will fetch 36 MB." in gone.finding
    offline = only(FakeMachine(nets=(Network("a", False, "absent"),)), resolved(tmp_path), "models")
    assert offline.status is Status.FAIL
    assert offline.next_step == "livecam models fetch --from FILE"


def test_the_presets_networks(tmp_path: Path) -> None:
    settings = resolved(tmp_path, neural__preset="fast")
    swapper, detector = Network("swapper", False, "absent", "", 277.7), Network("detector", True, "present")
    missing = only(FakeMachine(preset_nets=(detector, swapper)), settings, "preset")
    assert (missing.status, missing.finding) == (Status.FAIL, "fast needs swapper (278 MB).")
    assert missing.next_step == "livecam models pull swapper"
    assert only(FakeMachine(preset_nets=(detector,)), settings, "preset").status is Status.OK
    assert only(FakeMachine(), resolved(tmp_path), "preset").status is Status.INFO


def test_what_the_presets_recipes_need_is_asked_of_the_catalogue(tmp_path: Path) -> None:
    here = ThisMachine(resolved(tmp_path, neural__preset="fast"))
    wanted = {"scrfd_2.5g", "inswapper_128_fp16", "arcface_w600k_r50"}
    assert {network.name for network in here.preset_networks()} == wanted
    assert not any(network.present for network in here.preset_networks())
    lost = resolved(tmp_path, neural__swapper="no_such_network")
    (wrong,) = check_preset(ThisMachine(lost), lost)
    assert (wrong.status, "no_such_network" in wrong.finding) == (Status.FAIL, True)
    misplaced = resolved(tmp_path, neural__preset="quality", neural__occlusion="bisenet_resnet_18")
    (wrong,) = check_preset(ThisMachine(misplaced), misplaced)
    assert (wrong.status, "--occlusion names bisenet_resnet_18" in wrong.finding) == (Status.FAIL, True)


def test_config_and_passthrough(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("[privacy]\npassthrough = true\n")
    settings = load(None, file, {"LIVECAM_DATA": str(tmp_path), "LIVECAM_CACHE": str(tmp_path)})
    assert only(FakeMachine(), settings, "config").finding == f"{file} is valid."
    warning = only(FakeMachine(), settings, "passthrough")
    assert warning.status is Status.WARN
    assert f"file {file}:2" in warning.finding


def test_personas(tmp_path: Path) -> None:
    settings = resolved(tmp_path, face__persona="ann")
    missing = only(FakeMachine(), settings, "persona")
    assert missing.status is Status.FAIL
    library = PersonaLibrary(settings.paths.personas, {}, settings.paths.prepared)
    library.add("ann", [photo(tmp_path)], Basis.SELF)
    library.add("bob", [photo(tmp_path)], Basis.SELF)
    (settings.paths.personas / "bob" / "consent.json").unlink()
    ann, bob = found(FakeMachine(), settings, "persona")
    assert ann.status is Status.OK
    assert (bob.status, bob.next_step) == (Status.WARN, "livecam faces remove bob")
    Consents(settings.paths.personas).revoke("ann")
    (revoked, _) = found(FakeMachine(), settings, "persona")
    assert (revoked.status, revoked.next_step) == (Status.FAIL, "livecam faces consent ann")
    assert "taken back" in revoked.finding


@pytest.mark.parametrize(
    ("spec", "cameras", "status", "told"),
    [
        ("auto", (), Status.OK, "auto: synthetic"),
        ("auto", (WEBCAM,), Status.OK, "auto: the first camera"),
        ("auto", (replace(WEBCAM, virtual=True),), Status.OK, "auto: synthetic"),
        ("synthetic", (), Status.OK, "synthetic."),
        ("camera:0", (), Status.FAIL, "no camera"),
        ("camera:0", (WEBCAM,), Status.OK, "camera: /dev/video0 (HD Webcam)."),
        ("file:/no/clip.mp4", (), Status.FAIL, "There is no file /no/clip.mp4"),
        ("file:/a/clip.mp4?loop=0", (), Status.OK, "file:/a/clip.mp4"),
    ],
)
def test_source(tmp_path: Path, spec: str, cameras: tuple[CameraInfo, ...], status: Status, told: str) -> None:
    machine = FakeMachine(cameras_found=cameras, files={"/a/clip.mp4": "x"})
    finding = only(machine, resolved(tmp_path, source__spec=spec), "source")
    assert finding.status is status
    assert told in finding.finding


def test_cameras_are_listed(tmp_path: Path) -> None:
    busy = replace(WEBCAM, index=2, problem="it is in use by zoom (12)")
    machine = FakeMachine(cameras_found=(WEBCAM, busy, replace(WEBCAM, virtual=True)))
    good, bad = found(machine, resolved(tmp_path), "cameras")
    assert good.next_step == "livecam run --source camera:/dev/v4l/by-id/usb-hd"
    assert bad.status is Status.WARN
    assert "zoom" in bad.finding


@pytest.mark.parametrize(
    ("spec", "status", "told"),
    [
        ("auto", Status.OK, "auto: the virtual camera /dev/video10."),
        ("virtualcam", Status.OK, "virtualcam."),
        ("virtualcam:10", Status.OK, "virtualcam:10."),
        ("virtualcam:livecam", Status.OK, "virtualcam:livecam."),
        ("virtualcam:/dev/video11", Status.FAIL, "no such virtual camera"),
        ("v4l2:/dev/video10?matrix=709", Status.OK, "v4l2:/dev/video10"),
        ("v4l2:11", Status.FAIL, "no such virtual camera"),
        ("virtualcam:x?backend=obs", Status.OK, "virtualcam:x"),
        ("record:/locked/a.mp4", Status.FAIL, "cannot be written: No"),
        ("record:a.mp4", Status.OK, "record:a.mp4."),
        ("web:8080", Status.OK, "web:8080."),
    ],
)
def test_sinks(tmp_path: Path, spec: str, status: Status, told: str) -> None:
    packages = {**FakeMachine().packages, "pyvirtualcam": "1"}
    machine = FakeMachine(outputs_found=(LOOPBACK,), packages=packages, refusals={"locked": "No"})
    finding = only(machine, resolved(tmp_path, output__sinks=spec), "sinks")
    assert finding.status is status
    assert told in finding.finding


@pytest.mark.parametrize(
    ("system", "spec"), [("Windows", "virtualcam"), ("Linux", "virtualcam:10?backend=v4l2loopback")]
)
def test_virtual_camera_needs_its_package(tmp_path: Path, system: str, spec: str) -> None:
    machine = FakeMachine(outputs_found=(LOOPBACK,), system=system)
    named = only(machine, resolved(tmp_path, output__sinks=spec), "sinks")
    assert (named.status, named.next_step) == (Status.FAIL, 'pip install "livecam[vcam]"')


def test_without_that_package_only_linux_has_a_virtual_camera(tmp_path: Path) -> None:
    found = {
        system: only(FakeMachine(outputs_found=(LOOPBACK,), system=system), resolved(tmp_path), "sinks").finding
        for system in ("Linux", "Windows")
    }
    assert "the virtual camera /dev/video10" in found["Linux"]
    assert "web preview" in found["Windows"]
    machine = FakeMachine(outputs_found=(LOOPBACK,))
    assert only(machine, resolved(tmp_path, output__sinks="virtualcam"), "sinks").status is Status.OK


@pytest.mark.parametrize(
    ("distribution", "step"),
    [
        ("ubuntu debian", "sudo apt install v4l2loopback-dkms && sudo modprobe v4l2loopback exclusive_caps=1"),
        ("fedora", "sudo dnf install akmod-v4l2loopback && sudo modprobe"),
        ("manjaro arch", "sudo pacman -S v4l2loopback-dkms && "),
        ("opensuse-leap suse", "sudo zypper install"),
        ("", "Install v4l2loopback with your package manager"),
    ],
)
def test_how_to_install_the_module(tmp_path: Path, distribution: str, step: str) -> None:
    finding = only(FakeMachine(distribution=distribution), resolved(tmp_path), "v4l2loopback")
    assert finding.status is Status.INFO
    assert step in finding.next_step


def test_module_flags(tmp_path: Path) -> None:
    module = "/sys/module/v4l2loopback"
    good = {f"{module}/parameters/exclusive_caps": "N,Y,N\n", f"{module}/version": "0.13.2\n"}
    assert "0.13.2 is loaded with" in only(FakeMachine(files=good), resolved(tmp_path), "v4l2loopback").finding
    bad = only(FakeMachine(files={f"{module}/version": "1"}), resolved(tmp_path), "v4l2loopback")
    assert bad.status is Status.WARN
    assert bad.next_step.startswith("sudo modprobe -r v4l2loopback && sudo modprobe v4l2loopback exclusive_caps=1")


def test_outputs_are_listed(tmp_path: Path) -> None:
    locked = replace(LOOPBACK, permitted=False, problem="You may not write to it.", next_step="Run sudo usermod.")
    machine = FakeMachine(outputs_found=(LOOPBACK, replace(LOOPBACK, fed_by="obs (7)"), locked))
    free, fed, refused = found(machine, resolved(tmp_path), "virtual camera")
    assert free.next_step == "livecam run --sink virtualcam:/dev/video10"
    assert "is fed by obs (7)" in fed.finding
    assert (refused.finding, refused.next_step) == (
        "livecam (/dev/video10): You may not write to it.",
        "Run sudo usermod.",
    )


OBS_CAMERA = OutputInfo("OBS Virtual Camera", "OBS Virtual Camera", "OBS", "obs", ready=True)
UNITY = OutputInfo("Unity Video Capture", "Unity Video Capture", "Unity Capture", "unitycapture", ready=True)


@pytest.mark.parametrize(
    ("machine", "says"),
    [
        (FakeMachine("Windows", outputs_found=(OBS_CAMERA,)), "which one program|Unity Capture is not installed"),
        (FakeMachine("Windows", outputs_found=(UNITY,)), "virtualcam:Unity Video Capture|no transparency"),
        (FakeMachine("Windows"), r"only one that takes RGBA|pip install \"livecam\[vcam\]"),
        (FakeMachine("Darwin", outputs_found=(OBS_CAMERA,)), "which one program can feed|macOS 13 and later only"),
        (FakeMachine("Darwin"), "OBS 30 or newer|Start OBS's virtual camera once, allow its extension"),
    ],
)
def test_the_traps_of_other_systems_are_told(tmp_path: Path, machine: FakeMachine, says: str) -> None:
    findings = [*found(machine, resolved(tmp_path), "windows"), *found(machine, resolved(tmp_path), "macos")]
    told = [f"{finding.finding} {finding.next_step}" for finding in findings]
    assert all(finding.status is Status.INFO for finding in findings)
    for part in says.split("|"):
        assert any(re.search(part, text) for text in told), (part, told)


def test_linux_hears_nothing_of_them(tmp_path: Path) -> None:
    assert not any("OBS" in finding.finding for finding in examine(FakeMachine(), resolved(tmp_path)))


PIPEWIRE = PipeWireSetup("/usr/bin/gst-launch-1.0", (), "/run/user/7/pipewire-0", running=True)


@pytest.mark.parametrize(
    ("setup", "status", "told", "step"),
    [
        (PIPEWIRE, Status.OK, "answers at /run/user/7/pipewire-0", "livecam run --sink pipewire"),
        (replace(PIPEWIRE, launcher=""), Status.INFO, "needs gst-launch-1.0", "gstreamer1.0-tools"),
        (replace(PIPEWIRE, absent=("pipewiresink",)), Status.INFO, "GStreamer's pipewiresink", "gstreamer1.0-pipewire"),
        (replace(PIPEWIRE, running=False), Status.INFO, "No PipeWire session answers", "systemctl --user start"),
    ],
)
def test_what_a_pipewire_camera_lacks(
    tmp_path: Path, setup: PipeWireSetup, status: Status, told: str, step: str
) -> None:
    machine = FakeMachine(pipewire_found=setup)
    finding = only(machine, resolved(tmp_path), "pipewire camera")
    assert finding.status is status
    assert told in finding.finding
    assert step in finding.next_step
    named = only(machine, resolved(tmp_path, output__sinks="pipewire:Front"), "sinks")
    assert named.status is (Status.OK if setup.ready else Status.FAIL)
    assert step in named.next_step or setup.ready


def test_auto_takes_pipewire_where_there_is_no_other_virtual_camera(tmp_path: Path) -> None:
    with_both = FakeMachine(pipewire_found=PIPEWIRE, outputs_found=(LOOPBACK,))
    assert "/dev/video10" in only(with_both, resolved(tmp_path), "sinks").finding
    alone = FakeMachine(pipewire_found=PIPEWIRE)
    assert only(alone, resolved(tmp_path), "sinks").finding == "auto: a PipeWire camera."
    elsewhere = FakeMachine("Windows", pipewire_found=PIPEWIRE)
    assert "web preview" in only(elsewhere, resolved(tmp_path), "sinks").finding
    assert found(elsewhere, resolved(tmp_path), "pipewire camera") == []
    named = only(elsewhere, resolved(tmp_path, output__sinks="pipewire"), "sinks")
    assert (named.status, "Linux only" in named.finding) == (Status.FAIL, True)


@pytest.mark.parametrize(("system", "step"), [("Darwin", "OBS Studio 30"), ("Windows", "OBS Studio 26")])
def test_elsewhere_obs_is_wanted(tmp_path: Path, system: str, step: str) -> None:
    machine = FakeMachine(system=system)
    assert step in only(machine, resolved(tmp_path), "virtual camera").next_step
    assert found(machine, resolved(tmp_path), "v4l2loopback") == []


def test_this_machine_answers(tmp_path: Path) -> None:
    machine = ThisMachine(resolved(tmp_path))
    assert machine.python[0] == 3
    assert machine.package("numpy")
    assert machine.package("no-such-package") == ""
    assert "camera backends" in machine.opencv()
    assert machine.facts().trouble(Backend.CPU) is None
    assert (machine.plans().count, machine.tuned().choices) == (0, {})
    assert machine.clock().monotonic
    assert machine.read(tmp_path / "absent") == ""
    assert machine.refusal(tmp_path / "not" / "there" / "yet") == ""
    assert machine.free_bytes(tmp_path / "not" / "there") > 0
    assert not any(tmp_path.iterdir())
    (tmp_path / "file").touch()
    assert machine.refusal(tmp_path / "file") != ""
    assert machine.networks()
    assert not any(network.present for network in machine.networks())
    assert isinstance(machine.cameras(), tuple)
    assert isinstance(machine.outputs(), tuple)


def test_what_is_compiled_is_counted_and_looked_at(tmp_path: Path) -> None:
    settings = resolved(tmp_path)
    folder = settings.paths.cache / "plans"
    PlanCache(folder).keep(SideKey(Kind.TIMING, Flavour.RTX, "1.7", "card"), b"times")
    (folder / "b.plan").write_bytes(b"no plan")
    plans = ThisMachine(settings).plans()
    assert (plans.folder, plans.count, list(plans.unsound)) == (folder, 2, ["b.plan"])
    assert plans.size > 0
    assert plans.budget > plans.size


def enrolled(settings: Resolved, *names: str) -> None:
    folder = settings.paths.data / "wearers"
    folder.mkdir(parents=True)
    for name in names:
        (folder / f"{name}.wearer").write_bytes(b"sealed")


def test_it_says_who_is_swapped_and_how_weakly_they_are_told(tmp_path: Path) -> None:
    settings = resolved(tmp_path)
    nobody = only(FakeMachine(), settings, "wearers")
    assert (nobody.status, nobody.next_step) == (Status.INFO, "livecam enroll")
    enrolled(settings, "ann", "bob")
    weak = only(FakeMachine(), settings, "wearers")
    assert weak.status is Status.WARN
    assert "'ann', 'bob' are swapped" in weak.finding
    assert "livecam models pull sface" in weak.next_step


def test_a_recogniser_that_is_here_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = resolved(tmp_path)
    enrolled(settings, "ann")
    monkeypatch.setattr("livecam.doctor.wearers._recogniser", lambda _: "sface")
    found = only(FakeMachine(), settings, "wearers")
    assert (found.status, found.finding) == (Status.OK, "Only 'ann' is swapped, recognised by sface.")


def test_a_persona_for_somebody_who_is_not_enrolled_is_a_failure(tmp_path: Path) -> None:
    settings = resolved(tmp_path, people__worn="ann=grace")
    found = only(FakeMachine(), settings, "wearers")
    assert (found.status, found.next_step) == (Status.FAIL, "livecam enroll ann")
    assert not is_fit(examine(FakeMachine(), settings))


def test_a_folder_of_enrolments_that_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    settings = resolved(tmp_path)
    settings.paths.data.mkdir(parents=True)
    (settings.paths.data / "wearers").write_text("")
    found = only(FakeMachine(), settings, "wearers")
    assert found.status is Status.FAIL
    assert "cannot be told who is enrolled" in found.finding


@pytest.mark.parametrize(
    ("system", "sinks", "status"),
    [
        ("Linux", "virtualcam;web;pipewire;stream:tcp://127.0.0.1:5001", Status.OK),
        ("Linux", "virtualcam;record:call.mp4", Status.WARN),
        ("Linux", "stream:udp://127.0.0.1:5000", Status.WARN),
        ("Windows", "virtualcam", Status.WARN),
        ("Darwin", "web", Status.OK),
    ],
)
def test_whether_it_can_be_known_who_looks(tmp_path: Path, system: str, sinks: str, status: Status) -> None:
    settings = resolved(tmp_path, idle__when="release", output__sinks=sinks)
    assert only(FakeMachine(system=system), settings, "idle").status is status
    assert not found(FakeMachine(system=system), resolved(tmp_path, output__sinks=sinks), "idle")
