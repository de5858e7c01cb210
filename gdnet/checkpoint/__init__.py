"""Saving a run on its way, and resuming it to the same bits."""

from gdnet.checkpoint.checkpoint import Checkpoint as Checkpoint
