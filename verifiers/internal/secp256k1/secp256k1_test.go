package secp256k1

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/big"
	"testing"
)

// signed are signatures made with Python's cryptography 48.0.0, by the keys 1,
// 2, the order less 1 and an ordinary one.
var signed = []struct{ key, message, signature string }{
	{
		"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZWfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0SKaFVBmcR9CP+xDUuA==", "",
		"MEUCIQDERZLB3Fz8Nd7d+PUMjph5Lw/16OVQvFOmkBDKF2eGBQIgS0RKp43ApiVyWJ7FzlO6obOLjEsrSI+VuQQf6mh/nnE=",
	},
	{
		"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZWfKBWxb4F5hIOtp3JqPEZV2k+/wOEQio/Re0SKaFVBmcR9CP+xDUuA==", "message 0",
		"MEUCIQDBBkdEvjol/OdnCb/51FRIbgrfrDmD3GaWiIkxG6xHlgIgBCue2Rq7E1KMfScC1sVD+eGkFB6QYjowLsj5J8treP4=",
	},
	{
		"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAExgR/lEHtfW0wRUBulcB82Fx3jkuM7zynq6wJuVxwnuUa4Wj+pj3DOaPFhBlGbOru9/YyZTJm0OEjZDGpUM/lKg==", "",
		"MEYCIQD9Rp1Y9EW+LQTOMJ786h2oukx2lGxV94UVA4/U+a7V1gIhAI3QCvpZRyv2rnqgZuWd7+dg3Odg+TCzvwCMz4d2VYyt",
	},
	{
		"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAExgR/lEHtfW0wRUBulcB82Fx3jkuM7zynq6wJuVxwnuUa4Wj+pj3DOaPFhBlGbOru9/YyZTJm0OEjZDGpUM/lKg==", "message 1",
		"MEUCIQCYlugfnjb9LBhLl9CN7qfeDETM8qY3ZFj07FT5Rs+yLgIgfAeCHMW9SBoGAAxSr+uNfU41ikV6E4vQ8SNZ1J704t8=",
	},
	{
		"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZWfKBWxb4F5i3xSWI2Vw7mqJbBAPx7vdXAuhLt1l6q+ZjuC9vBO8ndw==", "",
		"MEQCIDIV5orfCA7XiM+FTHsIlZ3jiNelVgr3oIr8TIIS5epvAiBZC6XN+q78yoE2O3beK7WOambkXOzQR7d6XjP9IJU+vw==",
	},
	{
		"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEeb5mfvncu6xVoGKVzocLBwKb/NstzijZWfKBWxb4F5i3xSWI2Vw7mqJbBAPx7vdXAuhLt1l6q+ZjuC9vBO8ndw==", "message 2",
		"MEQCIDO6ycREntBXZOQgnA7ldsfrhTeZtL1X8ozubmEQ1qgMAiAw/JOXgFEI4AXMJUTMbbNCpIRHcQnm8eW+yH9QwjXGwg==",
	},
	{
		"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEDOYtpOodiIKjY4+abnA6AGygs0lYe0X6N2mElnk2LeWwY4XvmGYT+idb5wysXpXU8b5qqfrp9Fw27dhZ2QAoXQ==", "",
		"MEUCIQDtEzPqrBop9JzXRjmUYphE9xSaJriSyUoCBgN5r0FT3QIgTmJ9Ve/un9b+fLvCEef70S5sOZ/ARRrcYfj8tej7Rpo=",
	},
	{
		"MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAEDOYtpOodiIKjY4+abnA6AGygs0lYe0X6N2mElnk2LeWwY4XvmGYT+idb5wysXpXU8b5qqfrp9Fw27dhZ2QAoXQ==", "message 3",
		"MEQCIBneipqQTQt2dL8mdVxOEWBnrkWmKLNVqRVwWyh3Nu81AiBiitUe5U2tp6gRJqc+zTVaB/KjMoSeQGQa8pIgUcIdUg==",
	},
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for i, tt := range signed {
		key, err := ParsePKIX(decode(t, tt.key))
		if err != nil {
			t.Fatal(err)
		}
		r, s, ok := Signature(decode(t, tt.signature))
		if !ok {
			t.Fatalf("%d: the signature cannot be read", i)
		}
		digest := sha256.Sum256([]byte(tt.message))
		if !key.Verify(digest, r, s) {
			t.Errorf("%d: a good signature is refused", i)
		}
		if !key.Verify(digest, r, new(big.Int).Sub(n, s)) {
			t.Errorf("%d: the other of the two signatures is refused", i)
		}
		other := sha256.Sum256([]byte(tt.message + "x"))
		wrong := [...]struct {
			digest [32]byte
			r, s   *big.Int
		}{
			{other, r, s},
			{digest, s, r},
			{digest, new(big.Int).Add(r, one), s},
			{digest, r, new(big.Int).Add(s, one)},
			{digest, new(big.Int), s},
			{digest, r, new(big.Int)},
			{digest, n, s},
			{digest, r, n},
			{digest, new(big.Int).Neg(r), s},
			{digest, new(big.Int).Add(r, n), s},
		}
		for j, w := range wrong {
			if key.Verify(w.digest, w.r, w.s) {
				t.Errorf("%d: the wrong signature %d is accepted", i, j)
			}
		}
		if next := signed[(i+2)%len(signed)]; next.key != tt.key {
			k, err := ParsePKIX(decode(t, next.key))
			if err != nil {
				t.Fatal(err)
			}
			if k.Verify(digest, r, s) {
				t.Errorf("%d: another key fits", i)
			}
		}
	}
}

// TestGroup checks the laws that sums of points obey, the special cases of
// addition among them.
func TestGroup(t *testing.T) {
	t.Parallel()
	g := point{gx, gy, one}
	zero := point{one, one, new(big.Int)}
	minus := point{gx, new(big.Int).Sub(p, gy), one}
	x := func(a point) string {
		if a.z.Sign() == 0 {
			return "infinity"
		}
		inverse := new(big.Int).ModInverse(a.z, p)
		return mul(a.x, mul(inverse, inverse)).Text(16)
	}
	tests := []struct {
		name string
		a, b point
	}{
		{"g+g is 2g", g.add(g), g.double()},
		{"2g+g is g+2g", g.double().add(g), g.add(g.double())},
		{"g+0 is g", g.add(zero), g},
		{"0+g is g", zero.add(g), g},
		{"g-g is 0", g.add(minus), zero},
		{"2*0 is 0", zero.double(), zero},
		{"2g-g is g", g.double().add(minus), g},
	}
	for _, tt := range tests {
		if a, b := x(tt.a), x(tt.b); a != b {
			t.Errorf("%s: got %s and %s", tt.name, a, b)
		}
	}
	if _, ok := twice(n, g, new(big.Int), g); ok {
		t.Error("the order times the base point is not infinity")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	good := decode(t, signed[0].key)
	edit := func(change func(b []byte) []byte) []byte { return change(append([]byte(nil), good...)) }
	for name, der := range map[string][]byte{
		"empty":             nil,
		"something after":   append(append([]byte(nil), good...), 0),
		"not on the curve":  edit(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }),
		"another curve":     edit(func(b []byte) []byte { b[22] = 11; return b }),
		"a compressed form": edit(func(b []byte) []byte { b[26-3] = 2; return b }),
		"half":              good[:len(good)/2],
	} {
		if k, err := ParsePKIX(der); !errors.Is(err, ErrKey) || k != nil {
			t.Errorf("%s: got %v, %v, want %v", name, k, err, ErrKey)
		}
	}
	sig := decode(t, signed[0].signature)
	for name, der := range map[string][]byte{
		"empty": nil, "half": sig[:20], "something after": append(append([]byte(nil), sig...), 0),
		"zero": {0x30, 6, 2, 1, 0, 2, 1, 0}, "negative": {0x30, 6, 2, 1, 0x80, 2, 1, 1},
	} {
		if _, _, ok := Signature(der); ok {
			t.Errorf("the signature %s is read", name)
		}
	}
}
