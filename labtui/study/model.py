"""The study as pydantic sees it: every field, what it means, and what it may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from labtui.study.errors import display
from labtui.study.fields import (
    AnyScalar,
    Number,
    OneOrMany,
    Scalar,
    Stack,
    Whole,
    one_or_many,
    refuse,
    same,
    scalar_text,
)

Role = Literal["scientific", "nuisance", "fixed"]
Design = Literal["separate", "joint", "configurations"]
Sampler = Literal["halton", "bayesian"]

STORED = {"stored": True}
"""Context in which a study is read that a lab holds: its name is what it is."""


ARGUMENTS = {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 1}
REPORT = {
    "type": "object",
    "description": "where it reports, if not by JSON lines: a CSV file or TensorBoard's folder",
    "properties": {
        "csv": {"type": "string", "description": "file with a header and a column step or epoch"},
        "tensorboard": {"type": "string", "description": "folder of event files"},
    },
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": 1,
}


class Part(BaseModel):
    """Base of every part of a study: unknown keys are refused, nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TrainerSpec(Part):
    """What trains: a plugin with its options; `python`, `script` and `command` are short forms."""

    name: str = Field(min_length=1, description="name of the trainer plugin")
    options: dict[str, Any] = Field(default_factory=dict, description="what the plugin is told")

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, value: Any) -> Any:
        """Turn the forms of the file into a name and options."""
        if isinstance(value, str):
            return {"name": value}
        if not isinstance(value, dict) or "name" in value:
            return value
        match value:
            case {"python": str(target), **rest} if not rest and target.strip(":"):
                return {"name": "python", "options": _python_options(target)}
            case {"script": str(file), **rest} if not rest and file:
                return {"name": "python", "options": {"script": file, "argv": []}}
            case {"script": [str(file), *argv], **rest} if not rest and file:
                arguments = [_argument(a, "script") for a in argv]
                return {"name": "python", "options": {"script": file, "argv": arguments}}
            case {"command": list(argv), **rest} if argv and rest.keys() <= {"report"}:
                options = {"argv": [_argument(a, "command") for a in argv]}
                return {"name": "command", "options": {**options, **_report(rest)}}
        raise refuse(
            "a plugin's name, {python: train.py:train}, {script: train.py} or "
            "{command: [program, argument]}"
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Describe the forms of the file beside the canonical one."""
        return {
            "description": cls.__doc__,
            "anyOf": [
                {"type": "string", "description": "name of a trainer plugin, such as torch"},
                _form("python", {"type": "string"}, "file and function: train.py:train"),
                _form(
                    "script",
                    {"anyOf": [{"type": "string"}, ARGUMENTS]},
                    "file that asks for labtui.current_trial(), and its arguments",
                ),
                _form(
                    "command",
                    ARGUMENTS,
                    "program and arguments; no shell reads them",
                    {"report": REPORT},
                ),
                handler.resolve_ref_schema(handler(core_schema)),
            ],
        }


def _form(
    key: str,
    schema: dict[str, Any],
    description: str,
    more: dict[str, Any] | None = None,
) -> JsonSchemaValue:
    return {
        "type": "object",
        "properties": {key: {**schema, "description": description}, **(more or {})},
        "required": [key],
        "additionalProperties": False,
    }


def _python_options(target: str) -> dict[str, str]:
    file, colon, function = target.rpartition(":")
    if colon and file and function.isidentifier():
        return {"file": file, "function": function}
    return {"file": target, "function": "train"}


def _report(rest: dict[str, Any]) -> dict[str, Any]:
    """Take where a program reports, if not by JSON lines."""
    match rest:
        case {} if not rest:
            return {}
        case {"report": {"csv": str(path)} | {"tensorboard": str(path)} as found} if (
            len(found) == 1 and path
        ):
            return {"report": dict(found)}
    raise refuse("{csv: file} or {tensorboard: folder}", ("report",))


def _argument(value: Any, form: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise refuse("arguments that are text or numbers", (form,))
    return str(value)


class Objective(Part):
    """The number that the study compares."""

    metric: str = Field(
        min_length=1, description="name of the metric, such as validation/error_rate"
    )
    goal: Literal["minimize", "maximize"] = Field(description="which way is better")
    select: Literal["best", "final"] = Field(
        "best", description="best over training, or the final value"
    )


class Budget(Part):
    """What the study may spend."""

    trials: Whole = Field(
        0,
        ge=1,
        lt=2**31,
        description="trials an arm (design joint: in all; design configurations: leave it out)",
    )
    repetitions: Whole = Field(
        1,
        ge=1,
        lt=2**31,
        description="design configurations: trials of every configuration, each with its own seed",
    )
    max_train_steps: Whole = Field(ge=1, lt=2**63, description="optimizer updates of every trial")
    eval_every: Whole = Field(ge=1, lt=2**63, description="steps between two evaluations")
    hours: Number | None = Field(
        None, gt=0, description="stop launching trials after so many hours"
    )
    timeout: Number | None = Field(
        None, gt=0, description="longest duration of a trial, in seconds"
    )
    stack: Stack = Field("auto", description="train trials together: auto, off, or at most so many")


OneOrManyScalars = Annotated[list[AnyScalar], one_or_many, OneOrMany]


class Hyperparameter(Part):
    """One definition of a hyperparameter: its role, its values, and when it exists."""

    role: Role = Field(description="scientific (compared), nuisance (tuned away) or fixed (P06)")
    values: list[AnyScalar] | None = Field(None, description="the values to choose from")
    value: AnyScalar = Field(None, description="the value of a fixed hyperparameter")
    range: tuple[Number, Number] | None = Field(None, description="lowest and highest value")
    scale: Literal["linear", "log"] = Field("linear", description="how the range is spread")
    one_minus: StrictBool = Field(False, description="spread 1 - x instead of x, as for momentum")
    integer: StrictBool = Field(False, description="whole numbers only")
    step: Number | None = Field(None, description="distance of neighbouring values in the range")
    when: dict[str, OneOrManyScalars] = Field(
        default_factory=dict, description="exists only for these values of others (P07)"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        """Check what one field says about another."""
        if self.role == "fixed":
            if self.values is not None or self.range is not None:
                raise refuse("'value' alone for a fixed hyperparameter", (self._given(),))
            if "value" not in self.model_fields_set:
                raise refuse("'value' for a fixed hyperparameter", ("value",), "nothing")
        elif self.value is not None:
            raise refuse(f"'values' or 'range' for a {self.role} hyperparameter", ("value",))
        elif (self.values is None) == (self.range is None):
            found = "neither" if self.values is None else "both"
            raise refuse("either 'values' or 'range'", (), found)
        if self.range is None and (self.step is not None or self.integer or self.one_minus):
            raise refuse("'step', 'integer' and 'one_minus' only beside 'range'")
        if self.range is not None:
            self._check_range(*self.range)
        return self

    def _given(self) -> str:
        return "range" if self.values is None else "values"

    def _check_range(self, low: int | float, high: int | float) -> None:
        if low >= high:
            raise refuse("low < high", ("range",))
        if self.one_minus and self.integer:
            raise refuse("'one_minus' without 'integer'", ("one_minus",))
        if self.scale == "log" and self.one_minus and high >= 1:
            raise refuse("high < 1 on the log scale of 1 - x", ("range",))
        if self.scale == "log" and not self.one_minus and low <= 0:
            raise refuse("low > 0 on a log scale", ("range",))
        if self.integer and (low != int(low) or high != int(high)):
            raise refuse("whole numbers, or no 'integer: true'", ("range",))
        self._check_step(low, high)

    def _check_step(self, low: int | float, high: int | float) -> None:
        if self.step is None:
            return
        if self.scale == "log" or self.one_minus:
            raise refuse("a step only on a linear scale", ("step",))
        if not 0 < self.step <= high - low:
            raise refuse(f"a step above 0 and at most {display(high - low)}", ("step",))
        if self.integer and self.step != int(self.step):
            raise refuse("a whole step", ("step",))

    @field_validator("values")
    @classmethod
    def _choices(cls, values: list[Scalar] | None) -> list[Scalar] | None:
        """Refuse an empty list, and two values that are written or compare alike."""
        if values is not None and not values:
            raise refuse("at least one value")
        seen: dict[object, int] = {}
        for index, value in enumerate(values or []):
            keys = (
                {scalar_text(value)}
                if isinstance(value, (str, bool))
                else {scalar_text(value), value}
            )
            if any(key in seen for key in keys):
                raise refuse("every value once", (index,))
            seen.update(dict.fromkeys(keys, index))
        return values

    def applies(self, parent: str, value: Scalar) -> bool:
        """Tell whether the condition on one parent holds for a value of that parent."""
        return any(same(value, allowed) for allowed in self.when[parent])


Definitions = Annotated[list[Hyperparameter], one_or_many, Field(min_length=1), OneOrMany]


class Follows(Part):
    """The study that this one goes on from, and what of it this one answers."""

    study: str = Field(min_length=1, max_length=1000, description="name of the parent study")
    kind: str = Field("", description="what kind of follow-up: widen, narrow, warmup …")
    answers: list[str] = Field(
        default_factory=list,
        description="the parent's findings that this answers, as `search-boundary learning_rate`",
    )


class Study(Part):
    """One goal, one role per hyperparameter, one search space, one budget (P05)."""

    study: str = Field(max_length=1000, description="name of the study")
    goal: str = Field(description="the question that the study answers, in words (P05)")
    workload: str = Field(max_length=1000, description="name of what is tuned; it has a baseline")
    trainer: TrainerSpec = Field(description="what trains")
    objective: Objective = Field(description="the number that the study compares")
    budget: Budget = Field(description="what the study may spend")
    seed: Whole = Field(1, ge=0, lt=2**64, description="seed of the search and of its trials")
    design: Design = Field("separate", description="how scientific values are tried (P08)")
    hyperparameters: dict[str, Definitions] = Field(
        default_factory=dict, description="definitions by name; several where conditions differ"
    )
    configurations: list[dict[str, AnyScalar]] | None = Field(
        None, description="the configurations to try; without it, the grid of all scientific values"
    )
    sampler: Sampler = Field(
        "halton",
        description="halton explores; bayesian exploits what the study it follows found (P13)",
    )
    follows: Follows | None = Field(None, description="the study that this one goes on from")
    device: str | None = Field(None, description="where to train: cpu, cuda, cuda:1, mps …")
    gpus_per_trial: Whole | None = Field(None, ge=1, description="devices that one trial uses")
    trials_per_gpu: Whole | None = Field(None, ge=1, description="trials that share one device")
    interpreter: str | None = Field(None, description="path of another environment's python")
    metrics: dict[str, str] = Field(
        default_factory=dict, description="labtui's metric name: the name that the script uses"
    )
    steps_per_epoch: Whole | None = Field(None, ge=1, description="for scripts that count epochs")
    keep_checkpoints: Whole = Field(1, ge=0, description="how many of the best checkpoints to keep")
    on_end: list[str] | None = Field(
        None, min_length=1, description="program and arguments to run when the study ends"
    )
    notes: str = Field("", description="anything worth remembering")

    @field_validator("study", "goal", "workload")
    @classmethod
    def _in_words(cls, text: str) -> str:
        """Refuse names and goals without a character."""
        if not text.strip():
            raise refuse("at least one character")
        return text

    @field_validator("study")
    @classmethod
    def _no_trial(cls, name: str, info: ValidationInfo) -> str:
        """Refuse the name of a trial, which would hide it; a lab may hold one all the same."""
        if info.context != STORED and name.rpartition("/")[2].isdecimal() and "/" in name:
            raise refuse("a name that does not end in '/' and a number, as those of trials do")
        return name

    @model_validator(mode="before")
    @classmethod
    def _declare_configured(cls, value: Any) -> Any:
        """Declare what only the configurations name: scientific, with the values they list."""
        if not isinstance(value, dict) or not isinstance(value.get("configurations"), list):
            return value
        declared = value.get("hyperparameters", {})
        if not isinstance(declared, dict):
            return value
        added = {
            name: {"role": "scientific", "values": values}
            for name, values in _listed(value["configurations"]).items()
            if name not in declared
        }
        return {**value, "hyperparameters": {**declared, **added}}

    def to_json(self) -> dict[str, Any]:
        """Return the study with every default written out; whole numbers stay exact."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Study:
        """Return the study that `to_json` wrote.

        Raises:
            pydantic.ValidationError: The value is not one that `to_json` writes.
        """
        return cls.model_validate(value, context=STORED)


def _listed(configurations: list[Any]) -> dict[str, list[Scalar]]:
    """Collect the values that configurations give to each name, as they come."""
    listed: dict[str, list[Scalar]] = {}
    for configuration in configurations:
        for name, value in configuration.items() if isinstance(configuration, dict) else ():
            values = listed.setdefault(name, [])
            if not isinstance(value, (list, dict)) and not any(same(value, v) for v in values):
                values.append(value)
    return {name: values for name, values in listed.items() if values}
