"""Digits with Keras: see keras_digits.yaml beside this file."""

import os

os.environ.setdefault("KERAS_BACKEND", "torch")  # before Keras is imported

import keras
from digits_data import load

import labtui
from labtui.trainer.callbacks.keras import LabtuiCallback

trial = labtui.current_trial(
    {"learning_rate": 0.1, "width": 32, "batch_size": 64}, max_steps=200, eval_every=20
)
(images, labels), validation = load()

keras.utils.clear_session()
keras.utils.set_random_seed(trial.seed)
callback = LabtuiCallback(validation=validation)
if callback.resume_path:
    model = keras.saving.load_model(callback.resume_path)
else:
    layers = keras.layers
    width, rate = trial.params["width"], trial.params["learning_rate"]
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(width, activation="relu"), layers.Dense(10)]
    )
    model.compile(
        optimizer=keras.optimizers.SGD(rate, momentum=0.9),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
size = trial.params["batch_size"]
model.fit(
    images,
    labels,
    batch_size=size,
    epochs=callback.max_epochs(-(-len(images) // size)),
    verbose=0,
    callbacks=[callback],
)
