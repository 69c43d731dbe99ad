"""What lies between a file and a network: where its tensors are, and how a network is built of them."""
