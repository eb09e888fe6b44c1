"""pymavlink's own generator, run on our dialect together with its common.xml."""

import contextlib
import importlib.util
import pathlib
import shutil
import sys
import tempfile

import pymavlink
from pymavlink.generator import mavgen, mavparse


def load(xml):
    """Generates Python for the dialect file `xml` (what the generator refuses raises) and loads it.

    The file includes `common.xml` and `patrol.xml` by name: both are laid beside it in a temporary folder, the first
    from pymavlink with all that it includes.
    """
    xml = pathlib.Path(xml)
    shipped = pathlib.Path(pymavlink.__file__).parent / "dialects" / "v20"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for source in [*shipped.glob("*.xml"), *xml.parent.glob("*.xml")]:
            shutil.copy(source, folder)
        out = folder / "patrol_generated.py"
        options = mavgen.Opts(str(out), wire_protocol=mavparse.PROTOCOL_2_0, language="Python3", validate=True)
        with contextlib.redirect_stdout(sys.stderr):  # The generator talks.
            if not mavgen.mavgen(options, [str(folder / xml.name)]):
                raise ValueError(f"the generator refuses {xml}")
        spec = importlib.util.spec_from_file_location("patrol_generated", out)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module
