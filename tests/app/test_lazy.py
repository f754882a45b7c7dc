"""What takes long to import is imported in the inference thread, after the slate is out."""

import subprocess
import sys


def test_the_app_is_imported_without_networks_and_codecs() -> None:
    code = "import sys, livecam.app; print([m for m in ('onnx', 'onnxruntime', 'av', 'uvicorn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
