"""The shipped nginx folder in the shipped edge image, before stub pools that tell what reached them."""
