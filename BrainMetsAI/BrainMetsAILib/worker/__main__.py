"""``python -m BrainMetsAILib.worker``: the worker process."""

from BrainMetsAILib.worker.server import serve

if __name__ == "__main__":
    serve()
