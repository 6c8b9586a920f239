"""Pretrained networks: how each is built, prepared and cut."""
