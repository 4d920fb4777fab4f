"""Train a small convolutional network on scikit-learn's 8x8 digits and write it as a fully int8 .tflite.

Run it from anywhere; it writes next to itself:

    digits.tflite      int8 input (1, 8, 8, 1), int8 output (1, 10)
    test_images.npy    the test split, uint8 (N, 8, 8, 1), raw grey levels 0 to 16
    test_labels.npy    the test split, uint8 (N,), classes 0 to 9
    sample.png         one picture of the test split, 8-bit grey, 16 scaled to 255

The same versions of the packages on the same kind of CPU give the same bytes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"  # read when TensorFlow is imported; oneDNN picks kernels by CPU
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a GPU would sum in another order
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
SEED = 20240
CLASSES = 10
GREY_MAX = 16  # the white level of load_digits
TEST_SHARE = 0.2  # of all images
VALIDATION_SHARE = 0.2  # of the images that are not in the test split
MAX_EPOCHS = 40
LEARNING_RATE = 2e-3  # of the first step; falls to 0 along a cosine
PATIENCE = 15  # epochs without a lower validation loss before training ends
BATCH = 32
MIN_TEST_ACCURACY = 0.97
SHIFTS = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1))  # pixels down and right; (0, 0) is the image itself

Images = NDArray[np.uint8]  # (N, 8, 8, 1), grey levels 0 to 16
Labels = NDArray[np.uint8]  # (N,), classes 0 to 9


class Split(NamedTuple):
    """Images and their labels, in the same order."""

    images: Images
    labels: Labels


class Splits(NamedTuple):
    """Three disjoint parts of the data: one to fit, one to choose by, one to report."""

    train: Split
    validation: Split
    test: Split


def make_repeatable() -> None:
    """Seed every generator and allow one thread, so that sums are always taken in the same order."""
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def load_splits() -> Splits:
    """Split the 1797 images by class share (stratified) into train, validation and test."""
    digits = load_digits()
    images = digits.images.astype(np.uint8)[..., np.newaxis]
    labels = digits.target.astype(np.uint8)
    rest_x, test_x, rest_y, test_y = train_test_split(
        images, labels, test_size=TEST_SHARE, stratify=labels, random_state=SEED
    )
    train_x, validation_x, train_y, validation_y = train_test_split(
        rest_x, rest_y, test_size=VALIDATION_SHARE, stratify=rest_y, random_state=SEED
    )
    return Splits(Split(train_x, train_y), Split(validation_x, validation_y), Split(test_x, test_y))


def to_real(images: Images) -> NDArray[np.float32]:
    """Grey levels 0 to 16 as the real values 0 to 1 that the network is trained on; the shape is kept."""
    return images.astype(np.float32) / np.float32(GREY_MAX)


def shifted(images: Images, down: int, right: int) -> Images:
    """Move every image (N, 8, 8, 1) by at most one pixel each way; what comes in at the border is black."""
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return padded[:, 1 - down : 1 - down + height, 1 - right : 1 - right + width, :]


def augmented(split: Split) -> Split:
    """The split with a copy for each of SHIFTS: len(SHIFTS) * N images."""
    images = np.concatenate([shifted(split.images, down, right) for down, right in SHIFTS])
    return Split(images, np.tile(split.labels, len(SHIFTS)))


def conv(x: Any, name: str, channels: int, size: int, relu: bool = True) -> Any:
    """A size x size convolution with batch normalization, (batch, H, W, C) to (batch, H, W, channels)."""
    x = keras.layers.Conv2D(channels, size, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x) if relu else x


def separable(x: Any, name: str, channels: int, relu: bool = True) -> Any:
    """A depthwise 3x3, then a pointwise convolution, (batch, H, W, C) to (batch, H, W, channels)."""
    x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"{name}_dw")(x)
    x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_dw_norm")(x)
    x = keras.layers.ReLU(name=f"{name}_dw_relu")(x)
    return conv(x, f"{name}_pw", channels, 1, relu)


def residual(x: Any, name: str) -> Any:
    """relu(x + separable(x)); the shape is kept."""
    y = separable(x, name, x.shape[-1], relu=False)
    y = keras.layers.Add(name=f"{name}_add")([x, y])
    return keras.layers.ReLU(name=f"{name}_relu")(y)


def build_model(batch: int | None = None) -> keras.Model:
    """The network: (batch, 8, 8, 1) real values 0 to 1 in, (batch, 10) probabilities out; None is any batch."""
    image = keras.Input((8, 8, 1), batch_size=batch, name="image")
    x = conv(image, "stem", 24, 3)  # 8x8x24
    x = residual(x, "fine")
    x = keras.layers.MaxPooling2D(2, name="max_pool")(x)  # 4x4x24
    x = separable(x, "widen", 48)  # 4x4x48
    x = residual(x, "coarse")
    x = keras.layers.AveragePooling2D(2, name="average_pool")(x)  # 2x2x48
    x = keras.layers.Reshape((2 * 2 * 48,), name="flat")(x)
    x = keras.layers.Dropout(0.3, name="dropout")(x)
    x = keras.layers.Dense(CLASSES, name="classes")(x)
    return keras.Model(image, keras.layers.Softmax(name="probabilities")(x), name="digits")


def fit(model: keras.Model, train: Split, validation: Split) -> None:
    """Train until the validation loss stops falling; the weights of its best epoch are kept."""
    more = augmented(train)
    steps = MAX_EPOCHS * -(-len(more.labels) // BATCH)
    rate = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(rate), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        to_real(more.images),
        more.labels,
        batch_size=BATCH,
        epochs=MAX_EPOCHS,
        validation_data=(to_real(validation.images), validation.labels),
        callbacks=[keras.callbacks.EarlyStopping("val_loss", patience=PATIENCE, restore_best_weights=True)],
        verbose=2,
    )


def quantize(model: keras.Model, calibration: Images) -> bytes:
    """Convert to an int8 .tflite with batch 1; value ranges come from the calibration images (N, 8, 8, 1)."""
    single = build_model(batch=1)
    single.set_weights(model.get_weights())
    converter = tf.lite.TFLiteConverter.from_keras_model(single)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image[np.newaxis]] for image in to_real(calibration))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def to_int8(real: NDArray[np.float32], scale: float, zero_point: int) -> NDArray[np.int8]:
    """round(real / scale) + zero_point, half away from zero, clamped; the division is done in double precision."""
    steps = real.astype(np.float64) / scale
    rounded = np.trunc(steps + np.copysign(0.5, steps)).astype(np.int64)
    return np.clip(rounded + zero_point, -128, 127).astype(np.int8)


def predict_int8(tflite: bytes, images: Images) -> NDArray[np.int64]:
    """The class (N,) that the int8 model gives each image (N, 8, 8, 1), by TFLite's reference kernels."""
    kernels = tf.lite.experimental.OpResolverType.BUILTIN_REF
    interpreter = tf.lite.Interpreter(model_content=tflite, num_threads=1, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero_point = source["quantization"]
    classes = []
    for image in to_int8(to_real(images), scale, zero_point):
        interpreter.set_tensor(source["index"], image[np.newaxis])
        interpreter.invoke()
        classes.append(int(interpreter.get_tensor(result["index"]).argmax()))
    return np.array(classes, dtype=np.int64)


def accuracy(tflite: bytes, split: Split) -> float:
    """The share of the split, 0 to 1, that the int8 model gives its label."""
    return float(np.mean(predict_int8(tflite, split.images) == split.labels))


def write_sample(path: Path, tflite: bytes, test: Split) -> int:
    """Write the first test image that the model gets right as an 8x8 grey PNG; returns its class.

    Halves go down because grey level 8 is 127.49999 steps of the input's scale, so the picture and the array
    become the same int8 input.
    """
    hits = np.flatnonzero(predict_int8(tflite, test.images) == test.labels)
    image, label = test.images[hits[0]], int(test.labels[hits[0]])
    grey = (image.astype(np.int32) * 255 + GREY_MAX // 2 - 1) // GREY_MAX  # 0 to 16 becomes 0 to 255, half down
    path.write_bytes(tf.io.encode_png(grey.astype(np.uint8)).numpy())
    return label


def main() -> None:
    """Train, choose by the validation split, and only then look at the test split and write the files."""
    make_repeatable()
    splits = load_splits()
    model = build_model()
    fit(model, splits.train, splits.validation)
    tflite = quantize(model, splits.train.images)
    print(f"int8 validation accuracy {accuracy(tflite, splits.validation):.4f}")

    test_accuracy = accuracy(tflite, splits.test)
    print(f"int8 test accuracy       {test_accuracy:.4f} of {len(splits.test.labels)} images")
    if test_accuracy < MIN_TEST_ACCURACY:
        raise SystemExit(f"the int8 model is below {MIN_TEST_ACCURACY:.0%} on the test split; nothing was written")
    (HERE / "digits.tflite").write_bytes(tflite)
    np.save(HERE / "test_images.npy", splits.test.images)
    np.save(HERE / "test_labels.npy", splits.test.labels)
    label = write_sample(HERE / "sample.png", tflite, splits.test)
    print(f"digits.tflite has {len(tflite)} bytes; sample.png shows a {label}")


if __name__ == "__main__":
    main()
