// Package secp256k1 verifies ECDSA signatures on the curve secp256k1, SEC 2
// section 2.4.1, which the standard library lacks. It handles public data only,
// so nothing here takes constant time; it cannot sign.
package secp256k1

import (
	"encoding/asn1"
	"errors"
	"math/big"
)

// ErrKey means that a text is not a public key of this curve.
var ErrKey = errors.New("not a public key on secp256k1")

var (
	p  = number("fffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f")
	n  = number("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
	gx = number("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
	gy = number("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")

	curveID = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
	keyID   = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
)

func number(hexadecimal string) *big.Int {
	x, _ := new(big.Int).SetString(hexadecimal, 16)
	return x
}

// A PublicKey is a point of the curve other than that at infinity.
type PublicKey struct{ x, y *big.Int }

// ParsePKIX reads a SubjectPublicKeyInfo in DER with an uncompressed point.
func ParsePKIX(der []byte) (*PublicKey, error) {
	var info struct {
		Algorithm struct {
			ID    asn1.ObjectIdentifier
			Curve asn1.ObjectIdentifier
		}
		Key asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &info)
	if err != nil || len(rest) > 0 || !info.Algorithm.ID.Equal(keyID) || !info.Algorithm.Curve.Equal(curveID) {
		return nil, ErrKey
	}
	b := info.Key.RightAlign()
	if len(b) != 65 || b[0] != 4 || info.Key.BitLength != 8*len(b) {
		return nil, ErrKey
	}
	k := &PublicKey{new(big.Int).SetBytes(b[1:33]), new(big.Int).SetBytes(b[33:])}
	if k.x.Cmp(p) >= 0 || k.y.Cmp(p) >= 0 {
		return nil, ErrKey
	}
	left := new(big.Int).Mul(k.y, k.y)
	right := new(big.Int).Mul(k.x, k.x)
	right.Mul(right, k.x).Add(right, big.NewInt(7))
	if left.Sub(left, right).Mod(left, p).Sign() != 0 {
		return nil, ErrKey
	}
	return k, nil
}

// Signature reads a signature in DER. It reports false if it is none.
func Signature(der []byte) (r, s *big.Int, ok bool) {
	var rs struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &rs)
	if err != nil || len(rest) > 0 || !scalar(rs.R) || !scalar(rs.S) {
		return nil, nil, false
	}
	return rs.R, rs.S, true
}

func scalar(x *big.Int) bool { return x.Sign() > 0 && x.Cmp(n) < 0 }

// Verify reports whether r and s are a signature of a digest of 32 bytes, as in
// SEC 1 section 4.1.4.
func (k *PublicKey) Verify(digest [32]byte, r, s *big.Int) bool {
	if !scalar(r) || !scalar(s) {
		return false
	}
	w := new(big.Int).ModInverse(s, n)
	u1 := new(big.Int).SetBytes(digest[:])
	u1.Mul(u1, w).Mod(u1, n)
	u2 := new(big.Int).Mul(r, w)
	u2.Mod(u2, n)
	x, ok := twice(u1, point{gx, gy, one}, u2, point{k.x, k.y, one})
	return ok && x.Mod(x, n).Cmp(r) == 0
}

// A point is in Jacobian coordinates: x/z², y/z³. At infinity z is 0.
type point struct{ x, y, z *big.Int }

var one = big.NewInt(1)

// twice returns the x coordinate of a·g + b·q, false at infinity. Both scalars
// are read together, bit by bit from the top.
func twice(a *big.Int, g point, b *big.Int, q point) (*big.Int, bool) {
	both := g.add(q)
	sum := point{one, one, new(big.Int)}
	for i := max(a.BitLen(), b.BitLen()) - 1; i >= 0; i-- {
		sum = sum.double()
		switch a.Bit(i) + 2*b.Bit(i) {
		case 1:
			sum = sum.add(g)
		case 2:
			sum = sum.add(q)
		case 3:
			sum = sum.add(both)
		}
	}
	if sum.z.Sign() == 0 {
		return nil, false
	}
	inverse := new(big.Int).ModInverse(sum.z, p)
	return mul(sum.x, mul(inverse, inverse)), true
}

func mul(a, b *big.Int) *big.Int { c := new(big.Int).Mul(a, b); return c.Mod(c, p) }
func sub(a, b *big.Int) *big.Int { c := new(big.Int).Sub(a, b); return c.Mod(c, p) }
func times(a *big.Int, k int64) *big.Int {
	c := new(big.Int).Mul(a, big.NewInt(k))
	return c.Mod(c, p)
}

// double is dbl-2009-l of the Explicit-Formulas Database, for curves with a = 0.
func (a point) double() point {
	if a.z.Sign() == 0 || a.y.Sign() == 0 {
		return point{one, one, new(big.Int)}
	}
	xx, yy := mul(a.x, a.x), mul(a.y, a.y)
	yyyy := mul(yy, yy)
	d := times(mul(a.x, yy), 4)
	e := times(xx, 3)
	x := sub(mul(e, e), times(d, 2))
	return point{x, sub(mul(e, sub(d, x)), times(yyyy, 8)), times(mul(a.y, a.z), 2)}
}

// add is the general addition in Jacobian coordinates, complete by its cases.
func (a point) add(b point) point {
	switch {
	case a.z.Sign() == 0:
		return b
	case b.z.Sign() == 0:
		return a
	}
	aa, bb := mul(a.z, a.z), mul(b.z, b.z)
	u1, u2 := mul(a.x, bb), mul(b.x, aa)
	s1, s2 := mul(a.y, mul(b.z, bb)), mul(b.y, mul(a.z, aa))
	h, r := sub(u2, u1), sub(s2, s1)
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return a.double()
		}
		return point{one, one, new(big.Int)}
	}
	hh := mul(h, h)
	hhh, v := mul(h, hh), mul(u1, hh)
	x := sub(sub(mul(r, r), hhh), times(v, 2))
	return point{x, sub(mul(r, sub(v, x)), mul(s1, hhh)), mul(h, mul(a.z, b.z))}
}
