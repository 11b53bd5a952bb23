"""Digits with the Trainer of transformers: see huggingface_digits.yaml beside this file."""

import torch
from digits_data import load
from torch import nn
from transformers import PrinterCallback, Trainer, TrainingArguments, set_seed

import labtui
from labtui.trainer.callbacks.huggingface import LabtuiCallback

trial = labtui.current_trial(
    {"learning_rate": 3e-3, "warmup_steps": 20, "width": 32}, max_steps=200, eval_every=20
)


class Digits(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.network = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 10))

    def forward(self, images, labels):
        outputs = self.network(images)
        return {"loss": nn.functional.cross_entropy(outputs, labels), "logits": outputs}


def examples(images, labels):
    return [{"images": torch.tensor(i), "labels": int(n)} for i, n in zip(images, labels)]


def error_rate(evaluated):
    return {"error_rate": (evaluated.predictions.argmax(1) != evaluated.label_ids).mean()}


set_seed(trial.seed)
training, validation = load()
callback = LabtuiCallback(checkpoint=True)
arguments = TrainingArguments(
    learning_rate=trial.params["learning_rate"],
    warmup_steps=trial.params["warmup_steps"],
    per_device_train_batch_size=64,
    per_device_eval_batch_size=512,
    logging_steps=5,
    report_to="none",
    disable_tqdm=True,
    **callback.training_options(),
)
trainer = Trainer(
    Digits(trial.params["width"]),
    arguments,
    train_dataset=examples(*training),
    eval_dataset=examples(*validation),
    compute_metrics=error_rate,
    callbacks=[callback],
)
trainer.remove_callback(PrinterCallback)
trainer.train(resume_from_checkpoint=callback.resume_path)
