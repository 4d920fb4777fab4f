"""Every operator on its own, against TensorFlow Lite Micro."""
