"""An LSTM that learns to write documentation, one character after the other.

    python examples/character_lstm.py           under a minute
    python examples/character_lstm.py --quick   a few seconds

The text is the standard library's own: `library_text.py`.
"""

import argparse

import numpy as np
from library_text import Characters, documentation, drawn

import tinygraph as tg
from tinygraph import nn, optim

SEED = 7
STREAMS, TIME = 32, 50
# Training steps, and the nats per character of text not trained on that must then be reached.
FULL, QUICK = (1000, 1.85), (120, 2.6)


class CharacterLSTM(nn.Module):
    """Logits of the next character at every place, and the state to go on from."""

    def __init__(self, count, features=128):
        super().__init__()
        self.embedding = nn.Embedding(count, 32)
        self.lstm = nn.LSTM(32, features)
        self.output = nn.Dense(features, count, initializer="lecun")

    def forward(self, characters, state=None):
        outputs, state = self.lstm(self.embedding(characters), state)
        return self.output(outputs), state


def streams(numbers):
    """The text as so many parallel streams, in pieces of TIME characters: inputs and labels."""
    length = (len(numbers) - 1) // STREAMS
    inputs = numbers[: length * STREAMS].reshape(STREAMS, length)
    labels = numbers[1 : length * STREAMS + 1].reshape(STREAMS, length)
    for start in range(0, length - TIME + 1, TIME):
        piece = slice(start, start + TIME)
        yield inputs[:, piece], labels[:, piece]


def train(model, numbers, steps):
    """Backward through TIME characters; forward, the state goes on from piece to piece."""
    optimizer = optim.Adam(model.parameters(), lr=0.004)
    done, total = 0, 0.0
    while done < steps:
        state = None
        for inputs, labels in streams(numbers):
            logits, state = model(inputs, state)
            state = tuple(part.detach() for part in state)
            loss = nn.softmax_cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done, total = done + 1, total + loss.item()
            if done % (steps // 10) == 0:
                print(f"  step {done:4}  loss {total / (steps // 10):.3f} nats per character")
                total = 0.0
            if done == steps:
                break


def held_out_loss(model, numbers):
    """Nats per character of text that it was not trained on."""
    losses, state = [], None
    with tg.no_grad():
        for inputs, labels in streams(numbers):
            logits, state = model(inputs, state)
            losses.append(nn.softmax_cross_entropy(logits, labels).item())
    return float(np.mean(losses))


def sample(model, characters, begin, count, temperature=0.6):
    """The beginning, and so many characters that the model finds likely after it."""
    rng = np.random.default_rng(SEED)
    written = list(characters.encoded(begin))
    given, state = written, None
    with tg.no_grad():
        for _ in range(count):
            logits, state = model(np.array([given]), state)
            given = [drawn(logits.numpy()[0, -1], temperature, rng)]
            written += given
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
    model = CharacterLSTM(len(characters))
    size = sum(p.size for p in model.parameters())
    print(f"Character LSTM: {len(text)} characters, {len(characters)} of them different; ", end="")
    print(f"{size} parameters")
    train(model, numbers[:-rest], steps)
    loss = held_out_loss(model, numbers[-rest:])
    print(f"  held-out loss {loss:.3f} nats per character, {loss / np.log(2):.2f} bits")
    print("  it writes:")
    print("    " + sample(model, characters, "Return the ", 300).replace("\n", "\n    "))
    if not loss < bound:
        raise SystemExit(f"character_lstm: held-out loss {loss:.3f}, which should be below {bound}")


if __name__ == "__main__":
    main()
