"""Between a file and a network: finding the tensors of a network in a file, and building the network from them."""
