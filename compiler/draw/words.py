"""Words of pictures for shapes and numbers."""

from compiler.ops.shape import Free, Shape, size


def shape_words(shape: Shape) -> str:
    """Return the dimensions of a shape: `[batch, source, 512]`."""
    if not shape:
        return ""
    return f"[{', '.join(e.name if isinstance(e, Free) else str(size(e, {})) for e in shape)}]"
