"""The headless wf server: policy, emergency stop, execution and the record of it."""

from importlib.metadata import version

__version__ = version("wf")
