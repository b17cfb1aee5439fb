"""A training run that goes on from its checkpoint, if there is one. test_saving.py runs it.

python resumable_training.py checkpoint final seed [--hang]
"""

import signal
import sys
from pathlib import Path

import numpy as np

import tinygraph as tg
from tinygraph import nn, optim

EPOCHS, BATCH, EVERY = 4, 16, 5
DATA = np.random.default_rng(0)
X = DATA.normal(size=(70, 6)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] > 0).astype(np.int64) + (X[:, 2] > 0)


def main(checkpoint: Path, final: Path, seed: int, hangs: bool) -> None:
    nn.seed(seed)
    layers = [nn.Dense(6, 16, "relu", bias=False), nn.BatchNorm(16), nn.Dropout(0.3)]
    model = nn.Sequential(*layers, nn.Dense(16, 3))
    run = {
        "model": model,
        "optimizer": optim.Adam(
            [
                {"params": model[0].parameters(), "lr": optim.ReduceOnPlateau(0.01, patience=0)},
                {"params": [*model[1].parameters(), *model[3].parameters()]},
            ],
            lr=optim.WarmUp(optim.Cosine(0.02, 15), 5),
            weight_decay=0.01,
        ),
        "rng": np.random.default_rng(seed),
        "drawn": nn.default_generator(),
    }
    step, order, losses = 0, None, []
    if checkpoint.exists():
        rest = tg.load(checkpoint, **run)
        step, order, losses = rest["step"], rest["order"], rest["losses"]
    batches = -(-len(X) // BATCH)
    while step < EPOCHS * batches:
        epoch, batch = divmod(step, batches)
        if batch == 0:
            order = run["rng"].permutation(len(X))
            if epoch:
                run["optimizer"].next_epoch(losses[-1])
        rows = order[batch * BATCH : (batch + 1) * BATCH]
        loss = nn.softmax_cross_entropy(model(nn.dropout(X[rows], 0.1)), Y[rows])
        run["optimizer"].zero_grad()
        loss.backward()
        run["optimizer"].step()
        losses.append(loss.item())
        step += 1
        if step % EVERY == 0:
            tg.save(checkpoint, **run, step=step, order=order, losses=losses)
        if hangs and step == 2 * EVERY + 2:
            sys.stdout.write("hanging\n")
            sys.stdout.flush()
            signal.pause()
    tg.save(final, **run, losses=losses)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), "--hang" in sys.argv)
