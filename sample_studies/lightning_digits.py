"""Digits with Lightning: see lightning_digits.yaml beside this file."""

import lightning
import torch
from digits_data import load
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import labtui
from labtui.trainer.callbacks.lightning import LabtuiCallback

trial = labtui.current_trial(
    {"learning_rate": 0.1, "width": 32, "batch_size": 64}, max_steps=200, eval_every=20
)
training, validation = [TensorDataset(*map(torch.tensor, split)) for split in load()]


class Digits(lightning.LightningModule):
    def __init__(self, width, learning_rate):
        super().__init__()
        self.learning_rate = learning_rate
        self.network = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    def training_step(self, batch, _):
        images, labels = batch
        return nn.functional.cross_entropy(self.network(images), labels)

    def validation_step(self, batch, _):
        images, labels = batch
        outputs = self.network(images)
        self.log("val_loss", nn.functional.cross_entropy(outputs, labels))
        self.log("val_error_rate", (outputs.argmax(1) != labels).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), self.learning_rate, momentum=0.9)


lightning.seed_everything(trial.seed)
callback = LabtuiCallback()
trainer = lightning.Trainer(
    callbacks=[callback],
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    **callback.trainer_options(),
)
trainer.fit(
    Digits(trial.params["width"], trial.params["learning_rate"]),
    DataLoader(training, trial.params["batch_size"], shuffle=True),
    DataLoader(validation, 512),
    ckpt_path=callback.resume_path,
)
