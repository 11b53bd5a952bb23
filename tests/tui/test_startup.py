import subprocess
import sys

HEAVY = (
    "plotext",
    "sqlite_utils",
    "pydantic",
    "numpy",
    "ruamel",
    "torch",
    "mlx",
    "pandas",
    "scipy",
)


def test_starting_the_app_loads_nothing_heavy():
    code = f"import sys, labtui.tui.app\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
