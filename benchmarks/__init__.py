"""Our speed beside other people's, side by side in one run. No part of the product."""
