"""Fashion-MNIST: 784-128-10 with batch norm and Adam, or a small convolutional network.

    python examples/fashion_mnist.py
    python examples/fashion_mnist.py --network convolutional

The 70,000 pictures are in Debian's package dataset-fashion-mnist; without installing it:

    apt-get download dataset-fashion-mnist
    dpkg -x dataset-fashion-mnist_*.deb fashion

and then --data fashion/usr/share/datasets/fashion-mnist. The four files from the project's own
page, github.com/zalandoresearch/fashion-mnist, are the same.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np

from tinygraph import nn, optim

INSTALLED = Path("/usr/share/datasets/fashion-mnist")
SEED = 0
EPOCHS = 5
BATCH = 128


def read_idx(path):
    """The array in a gzipped IDX file of bytes: a header, the sizes, the data."""
    raw = gzip.decompress(Path(path).read_bytes())
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path} is not an IDX file of bytes: it begins with {raw[:4]!r}")
    axes = raw[3]
    shape = np.frombuffer(raw, ">i4", axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


def fashion_mnist(folder):
    """Training and test set: images (m, 1, 28, 28) in 0 … 1, and labels (m,)."""
    if not (Path(folder) / "train-images-idx3-ubyte.gz").is_file():
        raise SystemExit(f"there is no Fashion-MNIST in {folder}\n{__doc__.partition('The 70')[2]}")
    sets = []
    for part in ("train", "t10k"):
        images = read_idx(Path(folder) / f"{part}-images-idx3-ubyte.gz")
        labels = read_idx(Path(folder) / f"{part}-labels-idx1-ubyte.gz")
        images = images[:, np.newaxis] / np.float32(255)
        sets.append((images, labels.astype(np.int64)))
    return sets


def dense():
    """784-128-10; before a batch norm a bias would have no effect."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Dense(784, 128, bias=False),
        nn.BatchNorm(128),
        nn.ReLU(),
        nn.Dense(128, 10),
    )


def convolutional():
    """Two convolutions of 3 × 3, each with batch norm and pooled by 2, and a hidden layer."""
    return nn.Sequential(
        nn.Conv2D(1, 16, 3, padding="same", bias=False),
        nn.BatchNorm(16, axis=1),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Conv2D(16, 32, 3, padding="same", bias=False),
        nn.BatchNorm(32, axis=1),
        nn.ReLU(),
        nn.MaxPool2D(2),
        nn.Flatten(),
        nn.Dense(32 * 7 * 7, 64, "relu"),
        nn.Dense(64, 10),
    )


NETWORKS = {"dense": dense, "convolutional": convolutional}


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--network", choices=NETWORKS, default="dense")
    parser.add_argument("--data", type=Path, default=INSTALLED, metavar="FOLDER")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    chosen = parser.parse_args(arguments)

    (X, y), (X_test, y_test) = fashion_mnist(chosen.data)
    nn.seed(SEED)
    model = NETWORKS[chosen.network]()
    print(model.summary((1, 28, 28)))
    optimizer = optim.Adam(model.parameters(), lr=optim.Exponential(2e-3, 0.6, by="epoch"))
    history = nn.fit(
        model,
        nn.softmax_cross_entropy,
        (X, y),
        optimizer,
        epochs=chosen.epochs,
        batch_size=BATCH,
        metrics={"accuracy": nn.accuracy},
        rng=SEED,
    )
    print(history)
    accuracy = nn.accuracy(nn.predict(model, X_test), y_test)
    print(f"test accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
