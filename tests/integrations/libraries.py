"""The same small training by each library: a line through 70 points, by plain gradient descent."""

import keras
import lightning
import torch
import transformers

from labtui.trainer.callbacks.huggingface import LabtuiCallback as HuggingFaceCallback
from labtui.trainer.callbacks.keras import LabtuiCallback as KerasCallback
from labtui.trainer.callbacks.lightning import LabtuiCallback as LightningCallback

ROWS, BATCH = 70, 16  # five batches an epoch, the last one of 6 rows
INPUTS = torch.randn(ROWS, 4, generator=torch.Generator().manual_seed(0))
TARGETS = INPUTS.sum(1, keepdim=True) + 1
DATA = torch.utils.data.TensorDataset(INPUTS, TARGETS)


def square(outputs, targets):
    return ((outputs - targets) ** 2).mean()


# -- Lightning ----------------------------------------------------------------------------------


class Module(lightning.LightningModule):
    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):
        loss = square(self.layer(batch[0]), batch[1])
        self.log("train_loss", loss, on_step=True, on_epoch=True)
        self.log("train_double", 2 * loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", square(self.layer(batch[0]), batch[1]))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.rate)


def fit_lightning(trial, *, rate=0.05, accumulate=1, resume=True, options=None, **more):
    lightning.seed_everything(trial.seed, verbose=False)
    callback = LightningCallback(trial, **more)
    trainer = lightning.Trainer(
        callbacks=[callback],
        accumulate_grad_batches=accumulate,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **{**callback.trainer_options(), **(options or {})},
    )
    trainer.fit(
        Module(rate),
        torch.utils.data.DataLoader(DATA, BATCH),
        torch.utils.data.DataLoader(DATA, ROWS),
        ckpt_path=callback.resume_path if resume else None,
    )
    return callback


# -- transformers -------------------------------------------------------------------------------


class Line(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, inputs, labels):
        outputs = self.layer(inputs)
        return {"loss": square(outputs, labels), "logits": outputs}


class Rows(torch.utils.data.Dataset):
    def __len__(self):
        return ROWS

    def __getitem__(self, row):
        return {"inputs": INPUTS[row], "labels": TARGETS[row]}


def fit_huggingface(trial, *, rate=0.05, accumulate=1, resume=True, options=None, **more):
    transformers.set_seed(trial.seed)
    callback = HuggingFaceCallback(trial, **{"checkpoint": True, **more})
    settings = {
        "per_device_train_batch_size": BATCH,
        "per_device_eval_batch_size": ROWS,
        "gradient_accumulation_steps": accumulate,
        "learning_rate": rate,
        "lr_scheduler_type": "constant",
        "logging_steps": 1,
        "max_grad_norm": 0.0,
        "optim": "sgd",
        "report_to": "none",
        "disable_tqdm": True,
    }
    trainer = transformers.Trainer(
        Line(),
        transformers.TrainingArguments(
            **{**settings, **callback.training_options(), **(options or {})}
        ),
        train_dataset=Rows(),
        eval_dataset=Rows(),
        callbacks=[callback],
    )
    trainer.pop_callback(transformers.PrinterCallback)
    trainer.train(resume_from_checkpoint=callback.resume_path if resume else None)
    return callback


# -- Keras --------------------------------------------------------------------------------------


def fit_keras(trial, *, rate=0.05, accumulate=1, resume=True, options=None, **more):
    keras.utils.set_random_seed(trial.seed)
    callback = KerasCallback(trial, **{"validation": (INPUTS.numpy(), TARGETS.numpy()), **more})
    if callback.resume_path and resume:
        model = keras.saving.load_model(callback.resume_path)
    else:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        every = accumulate if accumulate > 1 else None
        optimizer = keras.optimizers.SGD(rate, gradient_accumulation_steps=every)
        model.compile(optimizer, loss="mean_squared_error")
    settings = {"epochs": callback.max_epochs(5) * accumulate, "shuffle": False}
    model.fit(
        INPUTS.numpy(),
        TARGETS.numpy(),
        batch_size=BATCH,
        verbose=0,
        callbacks=[callback],
        **{**settings, **(options or {})},
    )
    return callback


LIBRARIES = {
    "lightning": fit_lightning,
    "huggingface": fit_huggingface,
    "keras": fit_keras,
}
