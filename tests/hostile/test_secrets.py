"""Secrets around a study are in none of the files that are kept or handed on (S5)."""

from __future__ import annotations

import json
import stat
import subprocess

import pytest

from labtui.cli import follow
from labtui.cli.app import main
from labtui.store.lab import Lab
from labtui.study.errors import StudyError
from labtui.study.secrets import HIDDEN, redact, secrets_in
from tests.support.engine import arms, run, study_text, submit, write_study

SHAPED = (
    *("hf_AbCdEfGh12345678", "hf_ZyXwVuTsRqPo4321", "sk-abcdefgh12345678", "sk-proj-a1b2c3d4e5f6"),
    *("ghp_A1b2C3d4E5f6G7h8", "gho_A1b2C3d4E5f6G7h8", "github_pat_11ABCDEF0123456789"),
    *("AKIAIOSFODNN7EXAMPLE", "AKIAZZZZZZZZ7ZZZZZZZ", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi.x1"),
    *("xoxb-1234567890-abcdef", "glpat-a1b2c3d4e5f6g7h8i9", "AIzaSyA1b2C3d4E5f6G7h8I9j0"),
)
IN_ENVIRONMENT = {
    "WANDB_API_KEY": "plain-wandb-value",
    "MY_TOKEN": "plain-token-value",
    "DB_PASSWORD": "plain-password-value",
    "SESSION_COOKIE": "plain-cookie-value",
    "AWS_SECRET_ACCESS_KEY": "plain-aws-value",
    "SERVICE_CREDENTIALS": "plain-credential-value",
    "BASIC_AUTH": "plain-auth-value",
}
ARGUMENTS = ["labtui", "run", "--api-key", "argument-1", "--hf-token=argument-2", "--password"]
ARGUMENTS += ["argument-3", "--url", "https://me:argument-4@host/x", SHAPED[0]]
NAMED = ("s3cret-in-a-line-1", "s3cret-in-a-line-2", "s3cret-in-a-line-3")
PLANTED = (*SHAPED, *IN_ENVIRONMENT.values(), *NAMED, "in-remote-5", "in-remote-6")
PLANTED += ("argument-1", "argument-2", "argument-3", "argument-4", "code-secret-77")

SCRIPT = f"""
api_key = "code-secret-77"
def train(trial):
    print(open("printed.txt").read())
    print("password: {NAMED[0]}")
    trial.warn("no access with {SHAPED[2]} and plain-auth-value")
    for step in trial.steps():
        trial.log(step, {{"validation/error_rate": 0.5}})
    if trial.params["mode"] == "raise":
        raise RuntimeError("403 for {SHAPED[1]} with api_key={NAMED[1]} and plain-token-value")
"""


@pytest.fixture
def planted(paths, tmp_path, monkeypatch):
    """A lab after a study with secrets wherever one can be."""
    for name, value in IN_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    text = study_text(trials=1, steps=2, mode=arms("fine", "raise"))
    text += "".join(f"# {secret}\n" for secret in SHAPED) + f"# password: {NAMED[2]}\n"
    file = write_study(tmp_path, text, SCRIPT.replace("code-secret-77", "before"))

    def git(*words):
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    git("remote", "add", "origin", "https://in-remote-5:in-remote-6@host/repository.git")
    git("add", "train.py")
    git("-c", "user.name=n", "-c", "user.email=e", "commit", "-qm", "x")
    (tmp_path / "printed.txt").write_text("".join(f"api_key: {one}\n" for one in PLANTED))
    (tmp_path / "train.py").write_text(SCRIPT)  # what was not committed is kept as a difference
    trials = run(paths, file, command=ARGUMENTS)
    assert {trial.state for trial in trials} == {"completed", "failed"}
    return paths


def kept(paths):
    """Everything that a lab keeps, but what a program printed itself."""
    yield from paths.db.parent.glob("lab.db*")
    yield from (
        path for path in paths.files.rglob("*") if path.is_file() and paths.logs not in path.parents
    )


def hits(data: bytes) -> list[str]:
    return [secret for secret in PLANTED if secret.encode() in data]


def test_thirty_secrets_are_kept_nowhere(planted, tmp_path, capsys):
    assert len(set(PLANTED)) >= 30
    with Lab(planted) as lab:
        study = lab.study("s")
        assert HIDDEN in study.command
        assert HIDDEN in study.provenance["git_diff"]
        assert HIDDEN in study.provenance["git_remote"]
        (failed,) = (one for one in lab.trials("s") if one.state == "failed")
        assert HIDDEN in failed.reason
    assert {path: found for path in kept(planted) if (found := hits(path.read_bytes()))} == {}
    # The raw file has what the program printed; what is shown of it has not.
    assert hits((planted.logs / f"t{failed.id}.log").read_bytes()) == list(PLANTED)
    options = ["--lab", str(planted.db)]
    commands = [["log", failed.name], ["show", failed.name], ["show", failed.name, "--json"]]
    commands += [["show", "s", "--json"], ["log", "--json"], ["list", "--json"]]
    for words in commands:
        main([*words, *options])
        said = capsys.readouterr()
        assert hits((said.out + said.err).encode()) == [], words
    with Lab(planted) as lab:  # what a single trial prints is shown as it comes
        follow._Remarks(lab, "s", follow.Before(), output=True).say({1: failed})
    said = capsys.readouterr().err
    assert "api_key: [hidden]" in said
    assert hits(said.encode()) == []
    out = tmp_path / "out"
    for form in ("csv", "xlsx", "markdown", "sqlite"):
        target = out / "tables" if form == "csv" else out / form
        main(["export", "--all", "--format", form, "--to", str(target), *options])
    main(["report", "s", "--to", str(out / "page.html"), *options])
    written = [path for path in out.rglob("*") if path.is_file()]
    assert len(written) >= 8
    assert {path: found for path in written if (found := hits(path.read_bytes()))} == {}


def test_what_a_lab_keeps_is_its_owners_alone(planted):
    for path in (planted.files, *planted.files.rglob("*"), *planted.db.parent.glob("lab.*")):
        if not path.is_symlink() and path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode & 0o077 == 0, f"{path}: {mode:o}"


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ('  api_key: {role: fixed, value: "abcdefgh"}\n', "hyperparameters.api_key"),
        ('  x: {role: fixed, value: "hf_AbCdEfGh12345678"}\n', "hyperparameters.x"),
        ("  x: {role: fixed, value: plain-token-value}\n", "hyperparameters.x"),
    ],
)
def test_a_study_that_says_a_secret_is_refused(paths, tmp_path, monkeypatch, more, place):
    monkeypatch.setenv("MY_TOKEN", "plain-token-value")
    file = write_study(tmp_path, study_text() + more)
    with pytest.raises(StudyError) as error:
        submit(paths, file)
    line = file.read_text().count("\n")
    assert f"study.yaml:{line}:" in str(error.value)
    assert f"{place}" in str(error.value)
    assert "found what looks like a secret; expected none" in str(error.value)
    assert not paths.db.exists()


def test_a_command_may_not_say_one_either():
    command = ["python", "x.py", "--api-key", "abc", "--lr", "{lr}", "--token", "{token}"]
    found = list(secrets_in({"trainer": {"options": {"command": command}}}))
    assert found == [("trainer", "options", "command", 3)]


@pytest.mark.parametrize(
    "text",
    [
        "max_tokens: 128000k",
        "tokenizer: bpe-32000x",
        "token = tokenizer.encode(text1)",
        "pad_token: '<|endoftext|>'",
        "author: Ada0 Lovelace0",
        "hf_transformers sk-learn eyJ",
        json.dumps({"learning_rate": 0.1, "keys": ["a1b2c3d4e5"]}),
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact(text, {"AUTHOR_NAME": "Lovelace0", "MAX_TOKENS": "128000k"}) == text


@pytest.mark.parametrize("secret", SHAPED)
def test_shapes_are_hidden_anywhere(secret):
    assert redact(f"x={secret}, and '{secret}'", {}) == f"x={HIDDEN}, and '{HIDDEN}'"
