"""The file of a network: everything that it has, by its attributes."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from . import checkpoints
from ._errors import ArgumentValueError, CheckpointError, HebbkernError
from ._state import attributes, plain, unplain

if TYPE_CHECKING:
    from typing_extensions import Self

Arrays = dict[str, npt.NDArray[Any]]


class NetworkFile:
    """`save` and `load` of a network. What a run needs to go on is public attributes: a new one needs nothing here."""

    # Lists of arrays that Go knows, too: they are in the file by their names alone.
    _ARRAYS: ClassVar[tuple[str, ...]] = ("weights", "biases", "feedback_weights", "gains")

    sizes: list[int]
    dtype: np.dtype[Any]

    def _flat(self, function: str, written: bool = True) -> Any:
        raise NotImplementedError

    def _state(self) -> tuple[Arrays, dict[str, Any]]:
        """The arrays, as "weights.0", ..., and the options as JSON has them."""
        values = {**attributes(self), "dtype": str(self.dtype), "sizes": tuple(self.sizes)}
        arrays = {f"{name}.{k}": a for name in self._ARRAYS for k, a in enumerate(values.pop(name, None) or ())}
        return arrays, {name: plain(value, name, "Network.save", arrays) for name, value in values.items()}

    def save(self, path: checkpoints.Path) -> None:
        """Write the network and all that `fit` needs to go on to a file, atomically.

        The file is a checkpoint (`hebbkern.checkpoints`), which Go reads too (engine.LoadNetwork). What is an argument of
        `fit` is not in it: a run goes on with the same arguments, and then has the bits of one that was not stopped.

        Parameters
        ----------
        path : str or path
            A file that is there is replaced.

        Raises
        ------
        OSError
            The disk is full, the folder is missing, ...: the file is as it was.
        """
        self._flat("Network.save", written=False)
        arrays, options = self._state()
        checkpoints.write(path, "network", arrays, options, "Network.save")

    @classmethod
    def load(cls, path: checkpoints.Path) -> Self:
        """A network from a file of `save`, or of engine.NetworkState in Go.

        Raises
        ------
        CheckpointError
            The file is cut short, altered, of a later version, or holds no network that this class knows.
        OSError
            It is missing or cannot be read.

        Examples
        --------
        >>> import os, tempfile, hebbkern as hk
        >>> net = hk.Network([4, 8, 2], seed=3)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     net.save(os.path.join(folder, "net.hk"))
        ...     again = hk.Network.load(os.path.join(folder, "net.hk"))
        >>> again, bool((again.weights[1] == net.weights[1]).all())
        (Network([4, 8, 2], activation='relu', feedback='bp', loss='mse', seed=3, dtype=np.float32), True)
        """
        arrays, options = checkpoints.read(path, "network", "Network.load")
        try:
            return cls._from(arrays, options, "Network.load")
        except (HebbkernError, TypeError, ValueError) as error:
            raise CheckpointError(f"Network.load: {path!r} holds no network that can be used: {error}", "path") from None

    @classmethod
    def _from(cls, arrays: Arrays, options: dict[str, Any], function: str) -> Self:
        """A network of `_state`: the parameters of the class are given to it, what else there is is set."""
        if "sizes" not in options:
            raise ArgumentValueError("there are no layers")
        arrays = dict(arrays)
        values = {name: unplain(value, arrays) for name, value in options.items()}
        parameters = inspect.signature(cls).parameters
        network = cls(**{name: value for name, value in values.items() if name in parameters})
        for name in cls._ARRAYS:
            found = [arrays.pop(key) for key in (f"{name}.{k}" for k in range(len(arrays))) if key in arrays]
            if found:
                values[name] = found
        known = attributes(network).keys()
        unknown = [*(values.keys() - known), *arrays]
        if unknown:
            raise ArgumentValueError(f"{unknown[0]!r} is not known")
        for name in values.keys() - parameters.keys():
            setattr(network, name, values[name])
        network._flat(function)
        gains = getattr(network, "gains", None)
        if gains is not None and [(a.shape, a.dtype) for a in gains] != [((n,), network.dtype) for n in network.sizes]:
            raise ArgumentValueError("gains do not fit the layers")
        return network
