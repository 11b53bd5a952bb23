"""The design of a study: what it may fail to tell, judged from its file alone."""

import json
from dataclasses import replace

import pytest

from labtui.analysis.catalogue import CATALOGUE
from labtui.analysis.design import judge_design, judge_designed
from labtui.analysis.design_baseline import Step, judge_against_baseline, pending
from labtui.analysis.design_budget import adam_parameters
from labtui.analysis.designed import Designed
from labtui.analysis.findings import Finding
from labtui.analysis.kinds import meaning
from labtui.engine.plugins import check_trainer, load_plugins
from labtui.study.inheritance import inherited_values
from labtui.study.model import Study
from labtui.study.spec import load_study, parse_study
from tests.docs.pages import ROOT, blocks, section, text

SAMPLES = sorted((ROOT / "sample_studies").glob("*.yaml"))
WIDTH = "width: {role: scientific, values: [1, 2]}"
DEPTH = "depth: {role: scientific, values: [1, 2, 3]}"
OPTIMIZER = "optimizer: {role: scientific, values: [sgd, adam]}"
FIXED_RATE = "learning_rate: {role: fixed, value: 0.1}"
RATE = "learning_rate: {role: nuisance, scale: log, range: [1e-4, 1]}"


def study(*hyperparameters, trials=20, kind="separate", extra="", metric="validation/error_rate"):
    lines = "\n".join(f"  {line}" for line in "\n".join(hyperparameters).split("\n"))
    return parse_study(
        "study: s\ngoal: Does it work?\nworkload: w\ntrainer: {script: s.py}\n"
        f"objective: {{metric: {metric}, goal: minimize}}\n"
        f"budget: {{trials: {trials}, max_train_steps: 100, eval_every: 10}}\n"
        f"design: {kind}\n{extra}hyperparameters:\n{lines}\n"
    )


def judge(*arguments, declared=None, listed=False, trials=None, **options):
    made = study(*arguments, **options)
    return judge_design(made, declared or {}, listed=listed, trials=trials)


def of(outcomes, code):
    return [one for one in outcomes if one.code == code]


def told(outcomes, *, infos=False):
    """Give (code, severity) of what was found, notes only if asked for."""
    found = [one for one in outcomes if isinstance(one, Finding)]
    return [(one.code, one.severity) for one in found if infos or one.severity != "info"]


# -- the samples --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_sample_studies_are_sound(path):
    """Each tunes the rate and has trials enough: an expert would only name their caveats."""
    made = load_study(path)
    workload = check_trainer(made).workloads.get(made.workload)
    outcomes = judge_design(made, workload.hyperparameters if workload else {})
    assert {one.code for one in outcomes} <= {"caveat"}
    fixed = [d for listed in made.hyperparameters.values() for d in listed if d.role == "fixed"]
    assert len([one for one in outcomes if one.subject]) == len(fixed)


def test_an_unnamed_default_is_a_caveat_unless_the_optimizer_has_no_use_for_it():
    made = load_study(ROOT / "sample_studies" / "diabetes_width.yaml")
    workload = check_trainer(made).workloads[made.workload]
    last = judge_design(made, workload.hyperparameters)[-1]
    assert last.evidence["values"]["clip_norm"] == 0.0
    assert "beta1" not in last.evidence["values"]
    assert "clip_norm=0," in last.message


def test_what_no_update_rule_in_force_takes_is_no_caveat():
    workload = load_plugins()["numpy"].workloads["digits-mlp"]

    def unnamed(*hyperparameters):
        made = Designed.of(study(*hyperparameters, RATE), workload.hyperparameters, None)
        return set(made.unnamed)

    ours = {"momentum", "beta1", "beta2", "epsilon", "rho"}
    assert not ours & unnamed("optimizer: {role: fixed, value: sgd}")
    assert ours & unnamed("optimizer: {role: fixed, value: nesterov}") == {"momentum"}
    assert ours & unnamed("optimizer: {role: scientific, values: [sgd, adam]}") == {
        *("beta1", "beta2", "epsilon"),
    }


# -- one question -------------------------------------------------------------------------------


def test_one_scientific_hyperparameter_is_one_question():
    assert not of(judge(WIDTH, RATE), "many-scientific")


def test_a_grid_of_two_is_a_note_and_three_are_warned_about():
    (found,) = of(judge(WIDTH, DEPTH, RATE), "many-scientific")
    assert (found.severity, found.evidence["arms"]) == ("info", 6)
    assert found.evidence["values"] == [2, 3]
    activation = "activation: {role: scientific, values: [relu, tanh]}"
    (found,) = of(judge(WIDTH, DEPTH, activation, RATE), "many-scientific")
    assert (found.severity, found.evidence["arms"]) == ("warning", 12)
    assert "width, depth, activation" in found.message


def test_one_value_is_no_question():
    only = "depth: {role: scientific, values: [3]}"
    assert not of(judge(WIDTH, only, RATE), "many-scientific")


def test_configurations_that_change_two_things_at_once_cannot_tell_them_apart():
    listed = (
        "configurations:\n- {width: 1, dropout: 0.0, learning_rate: 0.1}\n"
        "- {width: 2, dropout: 0.1, learning_rate: 0.1}\n"
        "- {width: 2, dropout: 0.1, learning_rate: 0.2}\n"
    )
    made = study(
        "batch_size: {role: fixed, value: 8}", kind="configurations", extra=listed, trials=3
    )
    (found,) = of(judge_design(made), "many-scientific")
    assert found.evidence["never_apart"] == [["width", "dropout"]]
    assert found.severity == "warning"
    apart = listed + "- {width: 1, dropout: 0.1, learning_rate: 0.2}\n"
    made = study(
        "batch_size: {role: fixed, value: 8}", kind="configurations", extra=apart, trials=4
    )
    (found,) = of(judge_design(made), "many-scientific")
    assert found.evidence["never_apart"] == []


def test_a_joint_study_over_ranges_has_no_number_of_arms():
    width = "width: {role: scientific, range: [1, 9]}"
    (found,) = of(judge(width, DEPTH, RATE, kind="joint"), "many-scientific")
    assert found.evidence["arms"] == 0
    assert "their combinations" in found.message


# -- the learning rate --------------------------------------------------------------------------


def test_a_rate_shared_by_optimizers_is_an_alert():
    (found, *_) = of(judge(OPTIMIZER, FIXED_RATE), "optimizer-fixed")
    assert (found.severity, found.evidence["values"]) == ("alert", ["0.1"])
    assert (found.evidence["arms_fixed"], found.evidence["arms"]) == (2, 2)
    assert found.evidence["kind_guessed"]
    assert "by its name" in found.message


def test_a_rate_fixed_for_each_optimizer_is_warned_about():
    fixed = (
        "optimizer: {role: scientific, values: [sgd, adam]}\n"
        "lr: [{role: fixed, value: 0.1, when: {optimizer: sgd}},"
        " {role: nuisance, range: [0.001, 0.1], when: {optimizer: adam}}]"
    )
    (found, *_) = of(judge(fixed), "optimizer-fixed")
    assert (found.severity, found.evidence["arms_fixed"]) == ("warning", 1)
    assert "in 1 of 2 arms" in found.message


def test_a_rate_that_stays_at_the_trainers_default_counts_as_fixed():
    declared = load_plugins()["numpy"].workloads["digits-mlp"].hyperparameters
    compared = (
        "width: {role: scientific, values: [16, 64]}\nmomentum: {role: nuisance, range: [0, 0.9]}"
    )
    (found, *_) = of(judge(compared, declared=declared), "optimizer-fixed")
    default = declared["learning_rate"].default
    assert (found.severity, found.evidence["values"]) == ("warning", [str(default)])
    assert not found.evidence["kind_guessed"]


def test_without_a_rate_by_any_name_it_cannot_be_judged():
    outcomes = of(judge("width: {role: scientific, values: [16, 64]}"), "optimizer-fixed")
    assert [type(one).__name__ for one in outcomes] == ["NotJudged"]


@pytest.mark.parametrize(
    "sound",
    [
        f"width: {{role: scientific, values: [16, 64]}}\n{RATE}",
        "learning_rate: {role: fixed, value: 0.1}\nl2: {role: nuisance, range: [0, 1]}",
        "learning_rate: {role: scientific, values: [0.1, 0.2]}",
    ],
)
def test_a_tuned_rate_or_nothing_to_compare_is_sound(sound):
    assert "optimizer-fixed" not in [code for code, _ in told(judge(sound))]


def test_an_optimizer_parameter_is_hardly_ever_the_question():
    (found,) = of(judge("learning_rate: {role: scientific, values: [0.1, 0.2]}"), "optimizer-fixed")
    assert found.severity == "info"
    assert not of(
        judge(f"clip_norm: {{role: scientific, values: [0, 1]}}\n{RATE}"), "optimizer-fixed"
    )


def test_a_fixed_momentum_is_remarked_where_trials_would_allow_it():
    momentum = "momentum: {role: fixed, value: 0.9}"
    (found,) = of(judge(WIDTH, momentum, RATE), "optimizer-fixed")
    assert (found.severity, found.subject) == ("info", {"hyperparameter": "momentum"})
    assert not of(judge(WIDTH, momentum, RATE, trials=9), "optimizer-fixed")


# -- what is never tuned ------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["nuisance", "scientific"])
@pytest.mark.parametrize("name", ["batch_size", "per_device_train_batch_size"])
def test_a_varied_batch_size_is_warned_about(role, name):
    (found,) = of(judge(f"{name}: {{role: {role}, values: [16, 64]}}\n{RATE}"), "batch-size-tuned")
    assert found.severity == "warning"
    assert found.evidence["values"] == [16, 64]
    assert found.evidence["tuned_beside"] == ["learning_rate"]


def test_a_batch_size_may_be_chosen_for_speed():
    chosen = f"batch_size: {{role: scientific, values: [16, 64]}}\n{RATE}"
    assert not of(judge(chosen, metric="train/step_time"), "batch-size-tuned")
    assert not of(judge(f"batch_size: {{role: fixed, value: 16}}\n{RATE}"), "batch-size-tuned")
    assert not of(judge("virtual_batch_size: {role: nuisance, values: [1, 2]}"), "batch-size-tuned")


@pytest.mark.parametrize("name", ["n_epochs", "training_steps", "total_iterations", "max_updates"])
def test_a_varied_length_of_training_is_an_alert(name):
    (found,) = of(judge(f"{name}: {{role: nuisance, range: [1, 9], integer: true}}"), "steps-tuned")
    assert (found.severity, found.evidence["range"]) == ("alert", [1, 9])


@pytest.mark.parametrize("name", ["warmup_steps", "decay_steps", "eval_steps", "steps_per_epoch"])
def test_other_steps_are_no_length(name):
    assert not of(judge(f"{name}: {{role: nuisance, range: [1, 9], integer: true}}"), "steps-tuned")


def test_the_study_file_refuses_the_usual_names_and_an_import_is_judged():
    asked = study("n_epochs: {role: nuisance, values: [1, 2]}").to_json()
    asked["hyperparameters"]["max_steps"] = asked["hyperparameters"].pop("n_epochs")
    assert of(judge_design(Study.model_validate(asked)), "steps-tuned")


# -- Adam ---------------------------------------------------------------------------------------

ADAM = (
    "optimizer: {role: fixed, value: adamw}\nlearning_rate: {role: nuisance, range: [0.1, 1]}\n"
    "beta1: {role: nuisance, range: [0.1, 0.9]}"
)
EPSILON = f"{ADAM}\nepsilon: {{role: nuisance, range: [0.1, 1]}}"


@pytest.mark.parametrize(
    ("trials", "affordable"), [(9, 1), (10, 2), (24, 2), (25, 3), (49, 3), (50, 4), (500, 4)]
)
def test_trials_buy_the_parameters_of_adam_in_the_playbooks_order(trials, affordable):
    order = ["learning rate", "beta1", "epsilon", "beta2"]
    assert adam_parameters(trials) == order[:affordable]


@pytest.mark.parametrize(
    ("asked", "trials", "expected"),
    [
        (ADAM, 9, "warning"),
        (ADAM, 10, None),
        (ADAM, 24, None),
        (EPSILON, 24, "warning"),
        (EPSILON, 25, None),
        (EPSILON.replace("nuisance, range: [0.1, 1]}", "fixed, value: 1}"), 30, "info"),
        (f"{EPSILON}\nbeta2: {{role: nuisance, range: [0.9, 0.99]}}", 30, "warning"),
        (f"{EPSILON}\nbeta2: {{role: nuisance, range: [0.9, 0.99]}}", 50, None),
        (EPSILON.replace("adamw", "sgd"), 9, None),
    ],
)
def test_adams_parameters_against_the_trials(asked, trials, expected):
    found = of(judge(asked, trials=trials), "adam-budget")
    assert [one.severity for one in found] == ([expected] if expected else [])


def test_only_the_arms_that_adam_trains_count():
    arms = (
        "optimizer: {role: scientific, values: [sgd, adam]}\n"
        "learning_rate: {role: nuisance, range: [0.1, 1]}\n"
        "one_minus_beta1: {role: nuisance, range: [0.1, 0.9], when: {optimizer: adam}}\n"
        "eps: {role: nuisance, range: [0.1, 0.9], when: {optimizer: adam}}"
    )
    (found,) = of(judge(arms, trials=12), "adam-budget")
    assert found.subject == {"arm": "optimizer=adam"}
    assert found.evidence["tuned"] == ["learning rate", "beta1", "epsilon"]
    assert found.evidence["affordable"] == ["learning rate", "beta1"]


def test_an_optimizer_that_is_drawn_gets_its_share_of_the_trials():
    drawn = ADAM.replace("fixed, value: adamw", "nuisance, values: [adam, sgd, nesterov]")
    (found,) = of(judge(drawn, trials=27), "adam-budget")
    assert found.evidence["trials_per_arm"] == 9


# -- the balance of the budget ------------------------------------------------------------------


def axes(number):
    width = "width: {role: scientific, values: [1, 2, 3, 4]}"
    lines = [f"p{i}: {{role: nuisance, range: [0, 1]}}" for i in range(number - 1)]
    return "\n".join([width, RATE, *lines])


@pytest.mark.parametrize(
    ("dimensions", "trials", "thin"),
    [(1, 7, True), (1, 8, False), (3, 8, True), (3, 9, False), (5, 14, True), (5, 15, False)],
)
def test_an_arm_needs_three_trials_a_dimension(dimensions, trials, thin):
    found = of(judge(axes(dimensions), trials=trials), "thin-budget")
    assert bool(found) == thin
    if thin:
        assert found[0].evidence["starved"] == "density"
        assert found[0].evidence["nuisance_dimensions"] == dimensions
        assert found[0].evidence["trials_wanted"] == max(8, 3 * dimensions)


def test_the_ways_out_of_a_thin_budget_fit_its_numbers():
    (found,) = of(judge(axes(6), trials=9), "thin-budget")
    assert found.advice == (
        "Give an arm 18 trials, or tune at most 3 nuisance hyperparameters, or compare 2 arms "
        "instead of 4."
    )


def test_arms_with_nothing_tuned_are_compared_at_one_configuration():
    alone = "width: {role: scientific, values: [1, 2]}\nlearning_rate: {role: fixed, value: 1}"
    (found,) = of(judge(alone), "thin-budget")
    assert found.evidence["starved"] == "search space"


@pytest.mark.parametrize(
    ("compared", "trials", "starved"),
    [
        ("width: {role: scientific, values: [16, 64]}", 16, True),
        ("width: {role: scientific, values: [16, 64]}", 15, False),
        ("width: {role: scientific, values: [16, 32, 64]}", 16, False),
        ("width: {role: scientific, values: [0, 64]}", 16, False),
        ("width: {role: scientific, values: [small, large]}", 16, False),
    ],
)
def test_trials_to_spare_could_compare_more_values(compared, trials, starved):
    found = of(judge(compared, RATE, trials=trials), "thin-budget")
    assert [one.evidence["starved"] for one in found] == (["values"] if starved else [])
    if starved:
        assert found[0].severity == "info"
        assert found[0].advice == "Compare up to 4 values of width with the same trials in all."


def test_a_joint_study_shares_its_trials_among_the_scientific_values():
    joint = f"width: {{role: scientific, values: [1, 2, 3, 4]}}\n{RATE}"
    (found,) = of(judge(joint, kind="joint", trials=30), "thin-budget")
    assert found.evidence["trials_per_arm"] == 7
    assert not of(judge(joint, kind="joint", trials=32), "thin-budget")


def test_points_that_were_listed_are_no_search():
    outcomes = judge(axes(6), trials=9, listed=True)
    unknown = [one.code for one in outcomes if not isinstance(one, Finding)]
    assert unknown == ["adam-budget", "thin-budget"]
    assert not [one for one in of(outcomes, "thin-budget") if isinstance(one, Finding)]


# -- caveats ------------------------------------------------------------------------------------


def test_every_fixed_value_is_a_caveat_with_its_condition():
    fixed = (
        "optimizer: {role: scientific, values: [sgd, adam]}\n"
        "batch_size: {role: fixed, value: 64}\n"
        "momentum: {role: fixed, value: 0.9, when: {optimizer: sgd}}"
    )
    found = of(judge(f"{fixed}\n{RATE}"), "caveat")
    assert [(one.subject, one.evidence["value"]) for one in found] == [
        ({"hyperparameter": "batch_size"}, 64),
        ({"hyperparameter": "momentum", "condition": "optimizer=sgd"}, 0.9),
    ]
    assert {one.severity for one in found} == {"info"}


def test_a_fixed_strength_is_said_to_depend_on_the_size_that_is_compared():
    decay = "weight_decay: {role: fixed, value: 0.1}"
    (found,) = of(judge(WIDTH, decay, RATE), "caveat")
    assert "width" in found.advice
    (found,) = of(judge(WIDTH, decay.replace("0.1", "0"), RATE), "caveat")
    assert "width" not in found.advice


def test_strengths_are_tuned_and_their_presence_is_compared():
    strengths = f"weight_decay: {{role: scientific, values: [0.1, 0.2, 0.3]}}\n{RATE}"
    (found,) = of(judge(strengths), "caveat")
    assert "exists only with it" in found.advice
    switch = f"dropout: {{role: scientific, values: [true, false]}}\n{RATE}"
    assert not of(judge(switch), "caveat")


# -- the catalogue's pages ----------------------------------------------------------------------


@pytest.mark.parametrize("code", [c for c, entry in CATALOGUE.items() if entry.group == "design"])
def test_the_example_of_a_page_gives_what_the_page_shows(code):
    page = text(f"docs/findings/{code}.md")
    (asked,) = blocks(page, "yaml")
    shown = section(page, "Example").split("```\n")[-2]
    made = parse_study(asked)
    workload = check_trainer(made).workloads.get(made.workload)
    declared = workload.hyperparameters if workload else {}
    outcomes = judge_design(made, declared)
    # a baseline of the defaults, so that no other page's study differs from it
    defaults = {name: one.default for name, one in declared.items()}
    outcomes += judge_against_baseline(Designed.of(made, declared, None), defaults)
    found = of(outcomes, code)[0]
    assert " ".join(shown.split()) == f"{found.message} → {found.advice}"


# -- against the baseline -----------------------------------------------------------------------


BASELINE = {
    "optimizer": "nesterov",
    "learning_rate": 0.1,
    "momentum": 0.9,
    "beta1": 0.9,
    "epsilon": 1e-8,
    "weight_decay": 1e-4,
    "dropout": 0.0,
    "width": 64,
    "batch_size": 32,
}


def against(baseline, *hyperparameters, **options):
    whole = {**BASELINE, **baseline}
    made = study(*hyperparameters, **options)
    design = Designed.of(made, {}, None, inherited_values(made, whole))
    return list(judge_against_baseline(design, whole))


def test_a_fixed_batch_size_of_its_own_asks_to_retune_what_stays():
    (found,) = against({}, WIDTH, "batch_size: {role: fixed, value: 256}", RATE)
    assert found.subject == {"hyperparameter": "batch_size"}
    # Neither what Nesterov does not take, nor epsilon, nor regularization that is off.
    assert found.evidence["to_retune"] == {"momentum": 0.9, "weight_decay": 1e-4}
    assert found.evidence["changed"] == [{"name": "batch_size", "baseline": 32, "study": 256}]
    assert "probe" not in found.advice


@pytest.mark.parametrize(
    ("fixed", "retuned"),
    [
        ("width: {role: fixed, value: 128}", {"learning_rate", "momentum", "weight_decay"}),
        ("optimizer: {role: fixed, value: adam}", {"learning_rate", "beta1", "weight_decay"}),
    ],
)
def test_another_model_or_optimizer_asks_for_the_probe_too(fixed, retuned):
    (found,) = against({}, fixed)
    assert set(found.evidence["to_retune"]) == retuned
    assert "labtui probe batch-size" in found.advice


def test_a_study_like_the_baseline_or_one_that_tunes_is_left_alone():
    tuned = (
        "momentum: {role: nuisance, range: [0, 0.9]}\nweight_decay: {role: nuisance, range: [0, 1]}"
    )
    assert against({}, WIDTH, RATE) == []
    assert against({}, "batch_size: {role: fixed, value: 32.0}", RATE) == []
    assert against({}, "batch_size: {role: fixed, value: 256}", RATE, tuned) == []


def test_what_comes_from_the_baseline_is_one_caveat():
    made = study(WIDTH, RATE)
    design = Designed.of(made, {}, None, inherited_values(made, BASELINE))
    (caveat,) = of(judge_designed(design), "caveat")
    assert caveat.evidence == {
        "inherited": {k: v for k, v in BASELINE.items() if k not in ("width", "learning_rate")}
    }


@pytest.mark.parametrize("kind", ["rerun", "launch", "arms"])
def test_a_study_of_reruns_has_caveats_only(kind):
    listed = "configurations: [{lr: 1, depth: 1}, {lr: 2, depth: 2}]"
    extra = f"follows: {{study: p, kind: {kind}}}\n{listed}\n"
    made = study("width: {role: fixed, value: 1}", kind="configurations", trials=2, extra=extra)
    assert {one.code for one in judge_design(made)} == {"caveat"}


STEPS = [
    Step({"batch_size": 32, "learning_rate": 0.1}, {"batch_size": 256, "learning_rate": 0.1}),
    Step({"batch_size": 256, "learning_rate": 0.1}, {"batch_size": 256, "learning_rate": 0.2}),
]


def named(*steps):
    names = {name for step in steps for name in step.after}
    return [one.text for one in pending(steps, {name: meaning(name, {}) for name in names})]


def test_what_a_baseline_made_void_stays_void_until_it_is_tuned_or_taken_back():
    assert named(*STEPS[:1]) == ["learning_rate (0.1): batch_size 32 → 256"]
    assert named(*STEPS) == ["learning_rate (0.2): batch_size 32 → 256"]
    tuned = replace(STEPS[0], tuned=frozenset({"learning_rate"}))
    assert named(tuned, STEPS[1]) == []
    back = Step(STEPS[1].after, {"batch_size": 32, "learning_rate": 0.1})
    assert named(*STEPS, back) == []
    other = Step(STEPS[1].after, {"batch_size": 32, "learning_rate": 0.3})
    assert named(*STEPS, other) == ["learning_rate (0.3): batch_size 256 → 32"]
    assert named() == []


# -- kinds, and all of them ---------------------------------------------------------------------


@pytest.mark.parametrize("workload", ["digits-mlp", "digits-cnn", "source-transformer"])
def test_names_are_guessed_as_their_trainer_declares_them(workload):
    """The guess must agree with what is declared, or say nothing."""
    declared = load_plugins()["torch"].workloads[workload].hyperparameters
    for name in declared:
        known, guessed = meaning(name, declared), meaning(name, {})
        assert guessed.kind in (known.kind, "unknown"), name
        assert guessed.part == known.part


@pytest.mark.parametrize(
    ("name", "kind", "part"),
    [
        ("model.optim/LR", "optimizer", "learning rate"),
        ("one_minus_beta1", "optimizer", "beta1"),
        ("adam-eps", "optimizer", "epsilon"),
        ("hidden_dropout", "unknown", ""),
        ("num_epochs", "length", ""),
        ("Weight Decay", "regularization", ""),
    ],
)
def test_guesses(name, kind, part):
    found = meaning(name, {})
    assert (found.kind, found.part) == (kind, part)


def test_findings_are_what_the_catalogue_promises():
    many = (
        "optimizer: {role: scientific, values: [sgd, adam]}\n"
        "width: {role: scientific, values: [1, 2]}\n"
        "weight_decay: {role: scientific, values: [0.1, 0.2]}\n"
        "learning_rate: {role: fixed, value: 0.1}\nbatch_size: {role: nuisance, values: [1, 2]}\n"
        "n_steps: {role: nuisance, values: [1, 2]}\nbeta1: {role: nuisance, range: [0, 0.9]}"
    )
    outcomes = judge(many, trials=5)
    outcomes += against({"depth": 2}, "depth: {role: fixed, value: 3}", FIXED_RATE)
    codes = {code for code, entry in CATALOGUE.items() if entry.group == "design"}
    assert {one.code for one in outcomes} == codes
    for one in outcomes:
        assert one.procedure == CATALOGUE[one.code].procedure
        assert one.message.endswith(".")
        assert one.advice.endswith(".")
        assert "\n" not in one.message + one.advice
        json.dumps(one.evidence, allow_nan=False)


def test_many_arms_are_told_once():
    arms = "a: {role: scientific, range: [1, 50], integer: true}"
    outcomes = judge(arms, FIXED_RATE, trials=5)
    assert told(outcomes) == [("optimizer-fixed", "warning"), ("thin-budget", "warning")]
    assert of(outcomes, "thin-budget")[0].evidence["arms_affected"] == 50
