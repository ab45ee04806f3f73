"""PyTorch's side of mnist_torch.py, in a process of its own: reads orders, one JSON object a line, and answers each.

{"do": "data", "folder": …}          x.npy, y.npy, x_test.npy, y_test.npy are there → {"version": …}
{"do": "net", "folder", "layers", "optimizer": "sgd" or "adam", "lr", "fused": bool, "threads"}
                                     a net of w0.npy, b0.npy, w1.npy, … → {}
{"do": "train", "order": file of row numbers, "batch"} → {"seconds", "loss": mean over the samples, each before its update}
{"do": "test"}                       → {"loss", "accuracy"} of the test images
{"do": "weights", "folder"}          writes w0.npy, …  → {}
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn


class Twin:
    def data(self, folder: str) -> dict:
        x, y, x_test, y_test = (np.load(Path(folder) / f"{n}.npy") for n in ("x", "y", "x_test", "y_test"))
        self.x, self.y = torch.from_numpy(x), torch.from_numpy(y)
        self.x_test, self.y_test = torch.from_numpy(x_test), torch.from_numpy(y_test)
        return {"version": torch.__version__}

    def net(self, folder: str, layers: int, optimizer: str, lr: float, fused: bool, threads: int) -> dict:
        torch.set_num_threads(threads)
        modules: list[nn.Module] = []
        for l in range(layers):
            w, b = (torch.from_numpy(np.load(Path(folder) / f"{n}{l}.npy")) for n in "wb")
            linear = nn.Linear(w.shape[1], w.shape[0])
            with torch.no_grad():
                linear.weight.copy_(w)
                linear.bias.copy_(b)
            modules += [linear, nn.ReLU()]
        self.model = nn.Sequential(*modules[:-1])
        kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer]
        self.optimizer = kind(self.model.parameters(), lr=lr, fused=fused or None)
        return {}

    def train(self, order: str, batch: int) -> dict:
        rows, total = torch.from_numpy(np.load(order)), 0.0
        began = time.perf_counter()
        losses = []
        for some in rows.split(batch):
            loss = nn.functional.cross_entropy(self.model(self.x[some]), self.y[some])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
        seconds = time.perf_counter() - began
        for some, loss in zip(rows.split(batch), losses):
            total += len(some) * loss.item()
        return {"seconds": seconds, "loss": total / len(rows)}

    def test(self) -> dict:
        with torch.no_grad():
            out = self.model(self.x_test)
            loss = nn.functional.cross_entropy(out, self.y_test).item()
            return {"loss": loss, "accuracy": (out.argmax(1) == self.y_test).double().mean().item()}

    def weights(self, folder: str) -> dict:
        for k, parameter in enumerate(self.model.parameters()):
            np.save(Path(folder) / f"{'wb'[k % 2]}{k // 2}.npy", parameter.detach().numpy())
        return {}


def main() -> None:
    twin = Twin()
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(twin, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
