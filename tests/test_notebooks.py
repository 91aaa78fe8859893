"""The notebooks run from top to bottom, on the packaged sample and on real windows; they hold no output."""

import base64
import os

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

from pipeline import api
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WINDOWS = ROOT.parent / "shared/data/windows"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A process that all notebooks run in, one after the other, each with an empty namespace; it knows our packages."""
    folder = tmp_path_factory.mktemp("kernel")
    settings = {"PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder), "MPLBACKEND": "agg"}
    manager = KernelManager()
    manager.start_kernel(env={**os.environ, **settings}, cwd=folder)
    imports = nbformat.v4.new_code_cell("from pipeline import api\napi.sample('healthy').verdict()")
    run(nbformat.v4.new_notebook(cells=[imports]), manager)
    yield manager
    manager.shutdown_kernel(now=True)


def executed(path, kernel, folder, **parameters):
    """The notebook after a run in an empty folder, with other parameters behind those of its first cell."""
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    notebook.cells.insert(0, nbformat.v4.new_code_cell(f"%reset -f\n%cd -q {folder}"))
    run(notebook, kernel)
    return notebook


def run(notebook, kernel):
    """Fill in the outputs of a notebook."""
    client = NotebookClient(notebook, km=kernel, timeout=120)
    client.execute()
    client.kc.stop_channels()


def outputs(notebook):
    """Everything a run gave."""
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def texts(notebook):
    """Everything a run printed."""
    return [output.get("text") or str(output.get("data", {}).get("text/plain", "")) for output in outputs(notebook)]


def test_there_are_five_and_they_define_nothing():
    """Parameters first, no output, no function and no class."""
    assert [path.name[0] for path in NOTEBOOKS] == list("12345")
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert code[0].source.startswith("# Parameters\nsources = []"), path.name
        assert code[0].metadata.tags == ["parameters"]
        for cell in code:
            assert not cell.outputs
            assert cell.execution_count is None
            assert not any(line.lstrip().startswith(("def ", "class ", "lambda")) for line in cell.source.splitlines())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_on_the_sample(path, kernel, tmp_path):
    """Every cell, and it says what it is there to say."""
    notebook = executed(path, kernel, tmp_path)
    told = "\n".join(texts(notebook))
    wanted = {
        "1_verdict": ("FAIL: 123 of 280 user requests ended in 5xx", "REFUTED", "requests.error_rate", "'minutes'"),
        "2_compare": ("against shop-api-00041", "p95_change_ms", "auth.success", "DATABASE SERVICE FAILURE"),
        "3_history": ("database_p50_ms", "month", "after"),
        "4_unexplained": ("cache.evicted", "[]"),
        "5_bigquery": ("fastest_three_ns", "errors_5xx", "median_ms", "signature"),
    }
    for text in wanted[path.stem]:
        assert text in told, text
    pictures = [output["data"].get("image/png") for output in outputs(notebook) if "data" in output]
    drawn = [base64.b64decode(picture) for picture in pictures if picture]
    assert len(drawn) == {"1_verdict": 2, "2_compare": 2, "3_history": 4}.get(path.stem, 0)
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 5_000 for picture in drawn)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A store made from a real window."""
    if not WINDOWS.is_dir():
        pytest.skip("no real windows here")
    store = tmp_path_factory.mktemp("real") / "store"
    api.read(WINDOWS / "2025-09-15_netra-backend-staging_1.ndjson", store=store)
    return store


@pytest.mark.full
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs_on_a_real_window(path, kernel, tmp_path, real):
    """The same cells, on a store of somebody's logs."""
    executed(path, kernel, tmp_path, store=str(real))
