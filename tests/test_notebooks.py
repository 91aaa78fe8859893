"""The notebooks run from top to bottom, on the packaged sample and on real windows; they hold no output."""

import nbformat
import pytest
from nbclient import NotebookClient

from pipeline import api
from tests.conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
WINDOWS = ROOT.parent / "shared/data/windows"
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """An empty folder; kernels are processes of their own, and inherit where our packages are."""
    for name, value in {"PYTHONPATH": ROOT, "IPYTHONDIR": tmp_path, "MPLBACKEND": "agg"}.items():
        monkeypatch.setenv(name, str(value))
    return tmp_path


def executed(path, folder, **parameters):
    """The notebook after a run in an empty folder, with other parameters behind those of its first cell."""
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.source += "".join(f"\n{name} = {value!r}" for name, value in parameters.items())
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def texts(notebook):
    """Everything a run printed."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return [output.get("text") or str(output.get("data", {}).get("text/plain", "")) for output in outputs]


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
def test_it_runs_on_the_sample(path, kernel):
    """Every cell, and it says what it is there to say."""
    told = "\n".join(texts(executed(path, kernel)))
    wanted = {
        "1_verdict": ("FAIL: ", "REFUTED", "requests.error_rate", "'minutes'"),
        "2_compare": ("against shop-api-00041", "p95_ms", "auth.success", "Figure"),
        "3_history": ("Figure", "month"),
        "4_unexplained": ("cache.evicted", "[]"),
        "5_bigquery": ("fastest_three_ns", "errors_5xx", "median_ms"),
    }
    for text in wanted[path.stem]:
        assert text in told, text


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
def test_it_runs_on_a_real_window(path, kernel, real):
    """The same cells, on a store of somebody's logs."""
    executed(path, kernel, store=str(real))
