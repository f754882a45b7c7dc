"""Which judge there is on this machine."""

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from livecam.bench.quality.judge import Judge, RecogniserJudge
from livecam.inference.catalogue import load_model, model_names
from livecam.inference.model import STAND_IN
from livecam.inference.onnx import load_model_engine
from livecam.inference.store import Presence, installed, presence
from livecam.vision.contract import RecogniserContract
from livecam.vision.recognise import Recogniser

_DLIB: Final = ("dlib", "face_recognition_models")

NO_JUDGE: Final = (
    "there is no recogniser here that has no part in the swap: install dlib-bin and face_recognition_models, "
    "or run livecam models pull sface"
)


def choose_judge(folders: tuple[Path, ...], cache: Path, used: Collection[str]) -> Judge | None:
    """Whoever can judge: dlib where it is installed, else a recogniser of the catalogue that is here and not `used`.

    Args:
        folders: Of recipes.
        cache: Folder of all networks.
        used: Networks that take part in the swap, by recipe.

    Raises:
        ModelError, EngineError: A recogniser that is here does not work.
    """
    if all(find_spec(name) for name in _DLIB):
        from livecam.bench.quality.dlib_judge import DlibJudge  # an optional package

        return DlibJudge()
    # The permissively licensed ones are named for it; whatever else a user has comes after them.
    for name in sorted(model_names(folders), key=lambda name: (name not in ("sface", "auraface"), name)):
        model = load_model(name, folders)
        contract = model.contract
        if name in used or not isinstance(contract, RecogniserContract) or model.summary.startswith(STAND_IN):
            continue
        if presence(model, cache) is Presence.PRESENT:
            engine = load_model_engine(model, installed(model, cache), "cpu")
            return RecogniserJudge(name, Recogniser(engine, contract))
    return None
