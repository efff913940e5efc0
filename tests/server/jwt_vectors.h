/*
 * Tokens of every algorithm with the payload
 *     {"sub":"ann","role":"editor","exp":4000000000}
 * and the keys that they were signed with; made with the module crypto of Node.
 */
#ifndef JWT_VECTORS_H
#define JWT_VECTORS_H

static const char vector_keys[] =
    "{\"keys\":["
    "{\"kid\":\"rsa\",\"kty\":\"RSA\",\"n\":\"x4Iw1RJuK50GRXmy7GnsgpcfLg0j562OnQ"
    "42TR3CyuF2BgoyEIHT6ZJ5Elh1ZZXzGPJ_CwzZHbX1_xGU2OZr8_my_OjAEM90RJ"
    "pbtaoWmamb2KItySmiUWu31o0U8GX_LSSFCp9Le-lOpX_4Bo1XFutiUBdHiJJHv0"
    "ywdSTl9xAup6TY99nVYFrXgPZA6nF5bAPT1fUh0bfrIfFNq_rBYtKi7E6dTK6VxF"
    "Ee9kowK7l50Hu24Xe1JGpP1fSDTvpTIgDPgNfhhb-qchbYVDqS_fNVm5txzVKdyt"
    "Z4vXZrIWcUkyNqOY4775GmwnwkBtphW1LvrweEUsMo4PEgXNTeUQ\",\"e\":\"AQAB\""
    "}"
    ",{\"kid\":\"p256\",\"kty\":\"EC\",\"x\":\"H5hJHjvcoFSnAb2Bly3OrmJvNekHFgt7x"
    "WEys61omr0\",\"y\":\"0KcLEKUw00ZIugThv0vV5uXFmiEYKBU0eddCvO3gU8Y\",\"c"
    "rv\":\"P-256\"}"
    ",{\"kid\":\"p384\",\"kty\":\"EC\",\"x\":\"2wF6r-VWyDDekZB-8uegRqKId0DExMVQz"
    "mLRtuGOCFobp5_39NmL3c-Q1U5xXCTR\",\"y\":\"72s1WEIytzWewjkq6cWcWHVKVM"
    "Z8InhsKZFtfj3vMdHjjvQAdkd3kXtYU_O_-vtF\",\"crv\":\"P-384\"}"
    ",{\"kid\":\"p512\",\"kty\":\"EC\",\"x\":\"AAi9LJ9iXd7yW6MrsRbqME9I3ci_vgDs-"
    "or-SpBfPZv1FzKHKTF1h40gxTkZuht_4rbCtZflq8rcD4zQst0LT_Kb\",\"y\":\"AD"
    "b4LLUiblep92rl3coJwtmGH8EohrzLHSsfIbRqIT7E693LTRAbCxCXYHt0b1K7bB"
    "ZoWP1ntf7uP-zZxr5eVXfC\",\"crv\":\"P-521\"}"
    ",{\"kid\":\"ed25519\",\"crv\":\"Ed25519\",\"x\":\"vJuhPhJYc-BGoSPureAbcIWNT"
    "eGg7QrZANP2jnJSuRw\",\"kty\":\"OKP\"}"
    ",{\"kid\":\"ed448\",\"crv\":\"Ed448\",\"x\":\"xVYi1y1YsmdQaSYgycm1y01VohNAF"
    "fin3AXMMkW3ExzxRL6h-WF7jLasuHqlCHuuRDkWIumV8JSA\",\"kty\":\"OKP\"}"
    ",{\"kid\":\"secret\",\"kty\":\"oct\",\"k\":\"UZ3IhIzYrPwS3yrWG8ZTmQN-nNbeO9"
    "AU--V6cbBKvrIzlwyW4Vh4b1027MTKCes38sgYKSBzO1s31eopHhgsQA\"}"
    "]}";

static const struct vector {
    const char *algorithm, *kid, *token;
} vectors[] = {
    {"RS256", "rsa",
     "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZXh"
     "wIjo0MDAwMDAwMDAwfQ.raqRSWZACSSU9lsdJ4GYff7OPv7GTkx3d6SvcHl4pe8r_7czn7PHyQ2pmKI0"
     "2BP8LmPifN4mnfG4mvbLthLXvUzKPhJdqVfNvFBYivoEZG2t99mPaRNIhBwqihY5ddqeCFUGvBgc__hh"
     "TiOVOB3lvpHX1QN7hNHDRouXpAi5fOI3fDWVT9RvaXrANpsbB10dn5Mwuq8toqipF4px1jzaKRRmFfIB"
     "kwzxlpY3HOmLYrcanf7vQrGPi25Dn1GJQDtfUyZlqsh-ncrSn_JpDGImWg8KqKJNic8ryVk3fp-9VGh5"
     "uhFs8qCtHIgXK3cfv2hIC9EzQghKeuJ9Dz5Xsnqs3A"},
    {"PS256", "rsa",
     "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZXh"
     "wIjo0MDAwMDAwMDAwfQ.ZZ0QCf38rfaZ1Xd7khyi6UZIok4KbEjpCWc6Cbl66breKmWqlPCeN48itnx5"
     "2JZTCWDdxmzldBE7_RqR7T1pBZCgiwpXOYYEwydCHmDbwbzOIko_nWy8988Si2gza_5S79XCqS6gMeuo"
     "upbTFw3WqEVlUPBVAmcvl37ld4ThRydx4j-Iw7nK3Wx5WR1kKoawxmtQm_10wPfygL-mgn2gIBSwaJMN"
     "-keUnLBBvxNy_QkpYD98uMMoUsnEYD8s58mzaLpegw4-rPBL_tNco66SKmQH73aEf6CxZ4v_oMgYaXVS"
     "S99dBWQdQyEcgl5Ynflq73wYnxh72-JIgQuOy7cVeg"},
    {"RS384", "rsa",
     "eyJhbGciOiJSUzM4NCIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZXh"
     "wIjo0MDAwMDAwMDAwfQ.Y1D6uHUmZzFK1HOB6CsHN2Fxfv-GOTJ0Im0vGxsulCNuR1hBCbBhNpBEb0-B"
     "l-VHYt8ybIYKyVz7RzT7hbSPzZwuaO6DWNXPsYmTT1qTRHuiaIiO9ug3N4oAUbtzexHu4TqSA1z7HFnr"
     "hDMlJ5nEhJG-sHgjtDDE7xpTqwYWPgoEhEfvcuq572__CyHoG7JKFcSr0zQsY7F0wQGYAm0A31x8u_Pt"
     "17EJ1wrpEn8QGiB0_RnViPuRde8VknQ96P9aX8sw9s9XYgZwnLBcyl-B_0RJXFxdUbS_EeOq061smgXm"
     "5o9N02_Luo5_j_WSTx_jaabv26TpB12V6uvUgFnJVg"},
    {"PS384", "rsa",
     "eyJhbGciOiJQUzM4NCIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZXh"
     "wIjo0MDAwMDAwMDAwfQ.U6mIlWC_bE8D6RNK6g78gJFWTURWJIdQuHP_liHW93CXTrtn6rsFxNkc7gPG"
     "YT-2nGI4j9s4UHc5UwQlqLTNsgeIA6dNGkuGODMPgLgr1lRTKpw2AJpksl2CGMsqY7Vd6czY8faxiEhP"
     "Z-tyDg8YJlfNXqlQXIdFEYbrpqLwj_uyj4ZUmG_l_ycj_Rcnbkt32aT8th38tzKp8Axhq9bVT0_zknk5"
     "KxsYTQrY43--XGtQg-EFuEH9xAec34mA1Y2pmf__yskijAxwwiSi0-9-bT6jViO3mmKhzIPTKLkHLNx6"
     "wUnSchJvV45PsHiAiu0vdOR6UR_kiowdhRuBFu3Q4w"},
    {"RS512", "rsa",
     "eyJhbGciOiJSUzUxMiIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZXh"
     "wIjo0MDAwMDAwMDAwfQ.xnPJG3Pxlv2JHbJjOkRUlVXMEIOX4S09c2KsA6uonWl2nnmIpcP57pNPmwSw"
     "RYbIvPKTD_Jy1z87KTKjqD9_PM7gnD9Xbk4rvLBSgEdojbTndJNjGJ2AVWVdkx3lVnSwx7Uq07Pod555"
     "PySmkutxt7vJPOL--85jF3j-xnKW4aq4W08M8dHY2_CXDMOm4t_gYfK543xuvRJd8K2GRpiO2TtYwW7t"
     "O7i-Jpj-B3QIsFWf30SMMi5__2Gq9VJ_Nx5wRZGpfSAjCRbhQx-67nizzCw9EQQOQOGRkBcHqN4vU-Xt"
     "p1acYpOD9tk8_b6Fxu41uUlkodLU8WoUPJB5CVBmbg"},
    {"PS512", "rsa",
     "eyJhbGciOiJQUzUxMiIsImtpZCI6InJzYSJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZXh"
     "wIjo0MDAwMDAwMDAwfQ.A_RJEVyQYpYUcOPt-Q2wdzOJjTjsevKsLBswjXIokFht7a-mwUTdrBzOhQjN"
     "HuP_ox3Gl7MciF8UMEg-AbOcEK3cyyNyiYA8MdMi7Ju_BbPAjt5jYlGyxFnF5nIjp6s014GPa1QFhMf-"
     "LWl_qOJRCK4FOuDVG9VrGlU3_AQ0IXAa8eWGD4gyNkI_o_-BBcgAiV7ZSUUfVm_di2nELcGiVm_oHeJJ"
     "TZn0HxS9MjJgKIh0tL2fEwsW8FJUEmmVOn5gMAXK0syeFyiiQ7M0VZfauGJ6utK8MDkqqbJp3D_WlF-9"
     "tgmjSjHGRbbphujcOJfy3reU8QkcXDReNQMw4doMUA"},
    {"ES256", "p256",
     "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYifQ.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZ"
     "XhwIjo0MDAwMDAwMDAwfQ.KuizOd8t08xFM5VWSlY--e88-NR9sBzeSZ2T2_JEH196HTcRiNQQlvOuam"
     "ZyPI1qYl3lR8DSY-yF4XgpwalsFw"},
    {"ES384", "p384",
     "eyJhbGciOiJFUzM4NCIsImtpZCI6InAzODQifQ.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZ"
     "XhwIjo0MDAwMDAwMDAwfQ.FhLlJSBgOQ8G_RmzUDuJqJRjg_pgEkPILa8U5_ernWpGkO0KoB-eWOQ4kJ"
     "rAAJpEjbJaEbcLl0036ULQDL03bcA9Z5aQkZ5NyVVP1nPSXoPf4vJ8HZJSqPfDFpMfbRB_"},
    {"ES512", "p512",
     "eyJhbGciOiJFUzUxMiIsImtpZCI6InA1MTIifQ.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwiZ"
     "XhwIjo0MDAwMDAwMDAwfQ.AAv2WJLP5vZ_FcdtGA_U7r1k0lnqCfaw1XEtOsfxgROXLWjkQs2Ayenbdp"
     "4ZVju6v1lqMRbxTupH3d_FPH8v3y_NAZlo7Zjh6u6jucWl-pMnLE_sSA8_pReJb5WYn98O1Z5u2DAuk_"
     "h_IZSxNnp2C-bDZsh6zK68P3kjFEZTTcZ7j5Jh"},
    {"EdDSA", "ed25519",
     "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkMjU1MTkifQ.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yI"
     "iwiZXhwIjo0MDAwMDAwMDAwfQ.emZDhQpNM-DD1XZRqLDDEORBHHapXCP2QXVqenqSlyl8Ab5KkIaU12"
     "X1GngdBQzFzus9RauBgcpGSwgdLj5bCQ"},
    {"EdDSA", "ed448",
     "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkNDQ4In0.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiwi"
     "ZXhwIjo0MDAwMDAwMDAwfQ.gG3Jv-K2hZZioMe1pFfE9nZfsuJQ4mald0FZiOyBJHrO4dUBIqTKLgbEp"
     "uikZ1S3FLEoXgCJvq6AfHGJEfOIUEGNE--MJk0dXP5WNdXjG5bQYcEOoQRrrgylvy_T2usfjeXbRY4DV"
     "snFynSEYRbcWRoA"},
    {"HS256", "secret",
     "eyJhbGciOiJIUzI1NiIsImtpZCI6InNlY3JldCJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiw"
     "iZXhwIjo0MDAwMDAwMDAwfQ.JDgNpexkRkE_ODGC4CrRDnMiH7KO5u6Ha3HhnJCGfD4"},
    {"HS384", "secret",
     "eyJhbGciOiJIUzM4NCIsImtpZCI6InNlY3JldCJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiw"
     "iZXhwIjo0MDAwMDAwMDAwfQ.iph_TkvIxT4QX6aaHNON2zcY4y2rDU0jpszk9YlVrtIVXu9kWW-ZV4px"
     "ga0HXaVf"},
    {"HS512", "secret",
     "eyJhbGciOiJIUzUxMiIsImtpZCI6InNlY3JldCJ9.eyJzdWIiOiJhbm4iLCJyb2xlIjoiZWRpdG9yIiw"
     "iZXhwIjo0MDAwMDAwMDAwfQ.UyoWjS2-Vdt9kDkiqVn1uNZrNphXS4_9Ni1i6eb-ZyW7IQLpaUjo2vWX"
     "sZ5fLphDp4-7CTMrQEJgVF5pR_qoMQ"},
};

#define VECTOR_COUNT (sizeof vectors / sizeof vectors[0])

#endif
