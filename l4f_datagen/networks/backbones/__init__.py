"""Networks that classify photographs, as far as others stand on them."""
