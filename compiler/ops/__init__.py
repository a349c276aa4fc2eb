"""The ops of the IR, each defined by its rules: shape, parameters, reach, cost, state, code."""
