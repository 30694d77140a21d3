"""How large the frames of a data set are, and to what size they are best read: `mer_jax.load` makes one array of them."""

import dataclasses

ROOM = 2 << 30                                                   # bytes that the array should not go beyond
STEP = 8                                                         # sides are multiples of it: networks halve them


@dataclasses.dataclass
class Extent:
    """lengths: frames of each clip; sizes: (height, width) of each clip."""

    lengths: list[int] = dataclasses.field(default_factory=list)
    sizes: list[tuple[int, int]] = dataclasses.field(default_factory=list)

    def add(self, frames: int, height: int, width: int) -> None:
        """One clip more."""
        self.lengths.append(frames)
        self.sizes.append((height, width))

    def array(self, height: int, width: int) -> int:
        """Bytes of all clips in one size, padded to the longest."""
        return len(self.lengths) * max(self.lengths) * height * width * 3

    def advised(self) -> str:
        """A size, as `mer_jax.load` takes it: the middle height and width, made smaller until all fit ROOM; "" where the frames
        are of one size that fits."""
        height, width = (sorted(sides)[len(sides) // 2] for sides in zip(*self.sizes, strict=True))
        if len(set(self.sizes)) == 1 and self.array(height, width) <= ROOM:
            return ""
        scale = min(1.0, (ROOM / self.array(height, width)) ** 0.5)
        return "x".join(str(max(int(side * scale) // STEP, 1) * STEP) for side in (height, width))

    def text(self) -> str:
        """Of the sizes, and what they take."""
        (low, narrow), (high, wide) = min(self.sizes), max(self.sizes)
        sizes = (f"{wide} x {high}" if len(set(self.sizes)) == 1 else
                 f"{len(set(self.sizes))} sizes, {narrow} x {low} to {wide} x {high}")
        size = self.advised()
        return (f"{len(self.lengths)} clips of up to {max(self.lengths)} frames of {sizes}: "
                f"{self.array(high, wide) / 2**30:.1f} GiB as one array"
                + (f"; to be read with --size={size} or a smaller one (config.data.size, mer_jax.load(size=))" if size else ""))
