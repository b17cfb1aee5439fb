"""Stop when the dev set no longer improves, with the best weights; and make more of the data."""

import numpy as np

import tinygraph as tg
from tinygraph import nn, optim

rng = np.random.default_rng(0)
X, X_dev = (rng.normal(size=(m, 10)).astype(np.float32) for m in (60, 200))
y, y_dev = ((A[:, 0] + 0.8 * rng.normal(size=len(A)) > 0).astype(int) for A in (X, X_dev))


def loss_on(model, A, labels):
    model.eval()
    with tg.no_grad():
        return nn.softmax_cross_entropy(model(A), labels).item()


def test_early_stopping_restores_the_best_weights():
    nn.seed(0)
    model = nn.Sequential(nn.Dense(10, 50, "relu"), nn.Dense(50, 2))
    history = nn.fit(
        model,
        nn.softmax_cross_entropy,
        (X, y),
        optim.Adam(model.parameters(), lr=0.01),
        epochs=200,
        batch_size=20,
        validation=(X_dev, y_dev),
        callbacks=[nn.EarlyStopping(monitor="val_loss", patience=5)],
        rng=0,
        progress=False,
    )
    epochs = len(history["loss"])
    assert epochs < 200
    best = int(np.argmin(history["val_loss"]))
    assert best == epochs - 1 - 5
    np.testing.assert_allclose(loss_on(model, X_dev, y_dev), history["val_loss"][best], rtol=1e-6)
    assert history["loss"][-1] < history["loss"][best]  # it was still learning by heart


def test_flipped_images_are_more_data():
    """Trained on images of one direction and their mirror images, it knows the other too."""
    left = rng.random((80, 1, 6, 6), np.float32) * 0.3
    left[:40, :, :, 0] += 1  # a bar at the left edge, or none
    y = np.repeat([1, 0], 40)

    def mirrored():
        for A, labels in nn.minibatches(left, y, 16, generator):
            flip = generator.random(len(A)) < 0.5
            yield np.where(flip[:, None, None, None], A[..., ::-1], A), labels

    accuracies = []
    for data in ((left, y), mirrored):
        nn.seed(0)
        generator = np.random.default_rng(0)
        model = nn.Sequential(nn.Flatten(), nn.Dense(36, 2))
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        nn.fit(model, nn.softmax_cross_entropy, data, optimizer, epochs=15, rng=0, progress=False)
        right = left[..., ::-1].copy()
        accuracies.append(np.mean(nn.predict(model, right).argmax(1) == y))
    assert accuracies[0] < 0.75
    assert accuracies[1] > 0.95
