"""The hash functions of the file format, in plain Python.

XXH3 with 64 and 128 bits for the lengths that the format hashes, and
SipHash-1-3. Inputs are bytes, results are integers. Slow, and independent of
the library that the database uses.
"""

import struct

M32 = 0xFFFFFFFF
M64 = 0xFFFFFFFFFFFFFFFF

P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
MIX = 0x165667919E3779F9

SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e")

STRIPE = 64
BLOCK_STRIPES = (len(SECRET) - STRIPE) // 8


def _word(data, offset):
    return int.from_bytes(data[offset:offset + 8], "little")


def _fold(a, b):
    product = a * b
    return (product & M64) ^ (product >> 64)


def _avalanche(h):
    h ^= h >> 37
    h = (h * MIX) & M64
    return h ^ (h >> 32)


def _mix16(data, at, secret_at, seed):
    return _fold(_word(data, at) ^ ((_word(SECRET, secret_at) + seed) & M64),
                 _word(data, at + 8) ^ ((_word(SECRET, secret_at + 8) - seed) & M64))


def _stripe(acc, data, at, key):
    lanes = struct.unpack_from("<8Q", data, at)
    for i in range(8):
        mixed = lanes[i] ^ key[i]
        acc[i] += (mixed & M32) * (mixed >> 32)
        acc[i ^ 1] += lanes[i]
    for i in range(8):
        acc[i] &= M64


def _accumulate(data, seed):
    """The eight accumulators of an input of more than 240 bytes, and the secret for its seed."""
    words = struct.unpack("<24Q", SECRET)
    secret = struct.pack("<24Q", *((word - seed if i % 2 else word + seed) & M64
                                   for i, word in enumerate(words)))
    keys = [struct.unpack_from("<8Q", secret, 8 * n) for n in range(BLOCK_STRIPES)]
    last = struct.unpack_from("<8Q", secret, len(secret) - STRIPE)
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]
    for n in range((len(data) - 1) // STRIPE):
        _stripe(acc, data, n * STRIPE, keys[n % BLOCK_STRIPES])
        if n % BLOCK_STRIPES == BLOCK_STRIPES - 1:
            acc = [((a ^ (a >> 47) ^ k) * P32_1) & M64 for a, k in zip(acc, last)]
    _stripe(acc, data, len(data) - STRIPE,
            struct.unpack_from("<8Q", secret, len(secret) - STRIPE - 7))
    return acc, secret


def _merge(acc, secret, at, start):
    total = start
    for i in range(4):
        total += _fold(acc[2 * i] ^ _word(secret, at + 16 * i),
                       acc[2 * i + 1] ^ _word(secret, at + 16 * i + 8))
    return _avalanche(total & M64)


def xxh3_64(data, seed=0):
    """XXH3-64 of 17 to 128 bytes, or of more than 240."""
    size = len(data)
    if size > 240:
        acc, secret = _accumulate(data, seed)
        return _merge(acc, secret, 11, (size * P64_1) & M64)
    if not 17 <= size <= 128:
        raise ValueError("the format has no XXH3-64 of %d bytes" % size)
    total = size * P64_1
    for i in range((size - 1) // 32 + 1):
        total += _mix16(data, 16 * i, 32 * i, seed)
        total += _mix16(data, size - 16 * (i + 1), 32 * i + 16, seed)
    return _avalanche(total & M64)


def _mix32(acc, data, a, b, secret_at, seed):
    low = (acc[0] + _mix16(data, a, secret_at, seed)) & M64
    high = (acc[1] + _mix16(data, b, secret_at + 16, seed)) & M64
    return (low ^ ((_word(data, b) + _word(data, b + 8)) & M64),
            high ^ ((_word(data, a) + _word(data, a + 8)) & M64))


def xxh3_128(data):
    """XXH3-128 with seed 0 of more than 128 bytes."""
    size = len(data)
    if size <= 128:
        raise ValueError("the format has no XXH3-128 of %d bytes" % size)
    if size > 240:
        acc, secret = _accumulate(data, 0)
        low = _merge(acc, secret, 11, (size * P64_1) & M64)
        high = _merge(acc, secret, len(secret) - STRIPE - 11, ~(size * P64_2) & M64)
        return low | high << 64
    acc = ((size * P64_1) & M64, 0)
    for i in range(4):
        acc = _mix32(acc, data, 32 * i, 32 * i + 16, 32 * i, 0)
    acc = (_avalanche(acc[0]), _avalanche(acc[1]))
    for i in range(4, size // 32):
        acc = _mix32(acc, data, 32 * i, 32 * i + 16, 3 + 32 * (i - 4), 0)
    acc = _mix32(acc, data, size - 16, size - 32, 136 - 17 - 16, 0)
    low = _avalanche((acc[0] + acc[1]) & M64)
    high = _avalanche((acc[0] * P64_1 + acc[1] * P64_4 + size * P64_2) & M64)
    return low | ((-high) & M64) << 64


def _rotate(word, bits):
    return ((word << bits) | (word >> (64 - bits))) & M64


def _sip_round(v0, v1, v2, v3):
    v0 = (v0 + v1) & M64
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 = (v2 + v3) & M64
    v3 = _rotate(v3, 16) ^ v2
    v0 = (v0 + v3) & M64
    v3 = _rotate(v3, 21) ^ v0
    v2 = (v2 + v1) & M64
    v1 = _rotate(v1, 17) ^ v2
    return v0, v1, _rotate(v2, 32), v3


def siphash_1_3(data, secret):
    """SipHash-1-3 under a secret of 16 bytes."""
    k0, k1 = struct.unpack("<2Q", secret)
    state = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D,
             k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    tail = len(data) & ~7
    words = [_word(data, at) for at in range(0, tail, 8)]
    words.append(int.from_bytes(data[tail:], "little") | (len(data) & 0xFF) << 56)
    for word in words:
        v0, v1, v2, v3 = state
        v0, v1, v2, v3 = _sip_round(v0, v1, v2, v3 ^ word)
        state = (v0 ^ word, v1, v2, v3)
    v0, v1, v2, v3 = state
    state = (v0, v1, v2 ^ 0xFF, v3)
    for _ in range(3):
        state = _sip_round(*state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]
