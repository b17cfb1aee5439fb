"""A small causal transformer that learns to write documentation, character by character.

    python examples/small_transformer.py           under a minute
    python examples/small_transformer.py --quick   a few seconds

The text is the standard library's own: `library_text.py`.
"""

import argparse

import numpy as np
from library_text import Characters, documentation, drawn

import tinygraph as tg
from tinygraph import nn, optim

SEED = 7
BATCH, TIME = 16, 64
# Training steps, and the nats per character of text not trained on that must then be reached.
FULL, QUICK = (1200, 1.95), (150, 2.8)


class SmallTransformer(nn.Module):
    """Logits of the next character at every place, each from the characters up to there."""

    def __init__(self, count, features=64, heads=4, blocks=2):
        super().__init__()
        self.characters = nn.Embedding(count, features)
        # Learned too; so begun, that places are told apart, and distances alike, from the start.
        self.places = nn.Embedding(
            TIME, features, initializer=lambda shape, rng: nn.sinusoidal_positions(*shape)
        )
        self.blocks = nn.Sequential(
            *[nn.TransformerBlock(features, heads, causal=True) for _ in range(blocks)]
        )
        self.norm = nn.LayerNorm(features)
        self.output = nn.Dense(features, count, initializer="lecun")

    def forward(self, characters):
        places = np.arange(characters.shape[1])
        x = self.characters(characters) + self.places(places)
        return self.output(self.norm(self.blocks(x)))


def pieces(numbers, starts):
    """Inputs and labels: TIME characters from each start on, and those one further on."""
    index = starts[:, np.newaxis] + np.arange(TIME)
    return numbers[index], numbers[index + 1]


def rate(done, steps):
    """A learning rate that rises for 20 steps, then falls to 0 as a cosine."""
    return 0.008 * min(1, (done + 1) / 20) * (1 + np.cos(np.pi * done / steps)) / 2


def train(model, numbers, steps):
    """Adam, on pieces from anywhere in the text."""
    rng = np.random.default_rng(SEED)
    optimizer = optim.Adam(model.parameters())
    total = 0.0
    for done in range(1, steps + 1):
        optimizer.lr = rate(done - 1, steps)
        inputs, labels = pieces(numbers, rng.integers(0, len(numbers) - TIME, BATCH))
        loss = nn.softmax_cross_entropy(model(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        if done % (steps // 10) == 0:
            print(f"  step {done:4}  loss {total / (steps // 10):.3f} nats per character")
            total = 0.0


def held_out_loss(model, numbers):
    """Nats per character of text that it was not trained on."""
    losses = []
    with tg.no_grad():
        for start in range(0, len(numbers) - BATCH * TIME, BATCH * TIME):
            inputs, labels = pieces(numbers, start + TIME * np.arange(BATCH))
            losses.append(nn.softmax_cross_entropy(model(inputs), labels).item())
    return float(np.mean(losses))


def sample(model, characters, begin, count, temperature=0.6):
    """The beginning, and so many characters that the model finds likely after it."""
    rng = np.random.default_rng(SEED)
    written = list(characters.encoded(begin))
    with tg.no_grad():
        for _ in range(count):
            logits = model(np.array([written[-TIME:]]))
            written.append(drawn(logits.numpy()[0, -1], temperature, rng))
    return characters.decoded(written)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer steps, for a first look")
    steps, bound = QUICK if parser.parse_args(arguments).quick else FULL
    nn.seed(SEED)
    text = documentation()
    characters = Characters(text)
    numbers = characters.encoded(text)
    rest = len(numbers) // 10
    model = SmallTransformer(len(characters))
    size = sum(p.size for p in model.parameters())
    print(
        f"Small transformer: {len(text)} characters, {len(characters)} of them different; ", end=""
    )
    print(f"{size} parameters")
    train(model, numbers[:-rest], steps)
    loss = held_out_loss(model, numbers[-rest:])
    print(f"  held-out loss {loss:.3f} nats per character, {loss / np.log(2):.2f} bits")
    print("  it writes:")
    print("    " + sample(model, characters, "Return the ", 300).replace("\n", "\n    "))
    if not loss < bound:
        raise SystemExit(
            f"small_transformer: held-out loss {loss:.3f}, which should be below {bound}"
        )


if __name__ == "__main__":
    main()
