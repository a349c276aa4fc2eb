"""CTranslate2 (Klein et al. 2020): a folder that its decoders in C++ open."""
