package schemas

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-webhooks/caddy-webhooks/schemas/internal/jsonptr"
)

// maxNumber bounds the digits of a number that has to be divided, and maxExponent
// the digits of an exponent.
const (
	maxNumber   = 1000
	maxExponent = 9
)

// decimal is a number as it is written, exactly: its digits, without zeros at
// either end, stand behind "0." and are taken times ten to the power of point.
// Zero has no digits. So numbers of any size compare without arithmetic.
type decimal struct {
	negative    bool
	whole, frac string // the digits before and after the dot, in turn
	point       int
}

// parseDecimal reads a number of JSON; it refuses anything else, and exponents of
// more digits than are computed with.
func parseDecimal(s string) (d decimal, ok bool) {
	s, d.negative = strings.CutPrefix(s, "-")
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		if exponent, ok = parseExponent(s[i+1:]); !ok {
			return decimal{}, false
		}
		mantissa = s[:i]
	}
	whole, frac, dot := strings.Cut(mantissa, ".")
	if !digitsOnly(whole) || dot && !digitsOnly(frac) {
		return decimal{}, false
	}
	whole = strings.TrimLeft(whole, "0")
	d.point = len(whole) + exponent
	if frac = strings.TrimRight(frac, "0"); frac == "" {
		whole = strings.TrimRight(whole, "0")
	}
	if whole == "" {
		zeros := len(frac)
		frac = strings.TrimLeft(frac, "0")
		d.point -= zeros - len(frac)
	}
	if whole == "" && frac == "" {
		return decimal{}, true
	}
	d.whole, d.frac = whole, frac
	return d, true
}

func parseExponent(s string) (int, bool) {
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if !digitsOnly(s) {
		return 0, false
	}
	if s = strings.TrimLeft(s, "0"); len(s) > maxExponent {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		n = 10*n + int(s[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

func digitsOnly(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// smallInteger returns the value of a plain integer of at most 18 digits.
func smallInteger(s string) (n int64, ok bool) {
	digits, negative := strings.CutPrefix(s, "-")
	if digits == "" || len(digits) > 18 {
		return 0, false
	}
	for i := range len(digits) {
		c := digits[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = 10*n + int64(c)
	}
	if negative {
		n = -n
	}
	return n, true
}

func (d decimal) len() int { return len(d.whole) + len(d.frac) }

func (d decimal) isInteger() bool { return d.point >= d.len() }

func (d decimal) compare(other decimal) int {
	switch {
	case d.len() == 0 && other.len() == 0:
		return 0
	case d.negative != other.negative || d.len() == 0 || other.len() == 0:
		return cmp.Compare(d.sign(), other.sign())
	}
	result := cmp.Or(cmp.Compare(d.point, other.point), compareDigits(d, other))
	if d.negative {
		return -result
	}
	return result
}

func (d decimal) sign() int {
	switch {
	case d.len() == 0:
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func compareDigits(a, b decimal) int {
	x, y := [2]string{a.whole, a.frac}, [2]string{b.whole, b.frac}
	i, j := 0, 0
	for {
		for i < 2 && x[i] == "" {
			i++
		}
		for j < 2 && y[j] == "" {
			j++
		}
		if i == 2 || j == 2 {
			return cmp.Compare(j, i) // the one that goes on is larger
		}
		n := min(len(x[i]), len(y[j]))
		if c := cmp.Compare(x[i][:n], y[j][:n]); c != 0 {
			return c
		}
		x[i], y[j] = x[i][n:], y[j][n:]
	}
}

// digits returns the digits as an integer, if it is a small one.
func (d decimal) digits() (n uint64, ok bool) {
	if d.len() > 18 {
		return 0, false
	}
	for _, part := range [2]string{d.whole, d.frac} {
		for i := range len(part) {
			n = 10*n + uint64(part[i]-'0')
		}
	}
	return n, true
}

// multipleOf reports whether d is an integer times the divisor. Both are bounded
// by maxNumber, or the divisor is the operator's.
func (d decimal) multipleOf(divisor decimal) bool {
	if d.len() == 0 || divisor.len() == 0 {
		return d.len() == 0
	}
	// d is a times ten to the power of shift, in units of what b is.
	shift := (d.point - d.len()) - (divisor.point - divisor.len())
	if shift < -d.len() {
		return false // b times the power has more digits than a
	}
	a, small := d.digits()
	b, alsoSmall := divisor.digits()
	switch {
	case small && alsoSmall && 0 <= shift && shift <= 18:
		high, low := bits.Mul64(a%b, powers[shift])
		_, rest := bits.Div64(high%b, low, b)
		return rest == 0
	case small && alsoSmall && -18 <= shift && shift < 0:
		high, low := bits.Mul64(b, powers[-shift])
		return high == 0 && a%low == 0
	}
	x, y := d.big(), divisor.big()
	ten := big.NewInt(10)
	if shift >= 0 {
		x.Mul(x, new(big.Int).Exp(ten, big.NewInt(int64(shift)), y))
	} else {
		y.Mul(y, new(big.Int).Exp(ten, big.NewInt(int64(-shift)), nil))
	}
	return x.Rem(x, y).Sign() == 0
}

func (d decimal) big() *big.Int {
	n, _ := new(big.Int).SetString(d.whole+d.frac, 10)
	return n
}

// powers are those of ten that 64 bits hold.
var powers = func() (list [19]uint64) {
	list[0] = 1
	for i := range len(list) - 1 {
		list[i+1] = 10 * list[i]
	}
	return list
}()

// constantNumber is a number of a schema.
type constantNumber struct {
	decimal

	small   int64
	isSmall bool
}

// newConstantNumber takes a number as the library keeps it; those of a schema
// are decimals, so that they can be written exactly.
func newConstantNumber(r *big.Rat) constantNumber {
	precision, _ := r.FloatPrec()
	text := r.FloatString(precision)
	var n constantNumber
	n.decimal, _ = parseDecimal(text)
	n.small, n.isSmall = smallInteger(text)
	return n
}

// compare compares a number of a payload, as text and as decimal, with it.
func (n *constantNumber) compareTo(text string) (result int, ok bool) {
	if n.isSmall {
		if small, ok := smallInteger(text); ok {
			return cmp.Compare(small, n.small), true
		}
	}
	d, ok := parseDecimal(text)
	return d.compare(n.decimal), ok
}

// unusableNumber finds a number in a schema that is too large to be computed with.
func unusableNumber(doc any) (pointer string, found bool) {
	switch doc := doc.(type) {
	case json.Number:
		d, ok := parseDecimal(string(doc))
		return "", !ok || d.len() > maxNumber || d.point > maxNumber || d.point < -maxNumber
	case []any:
		for i, item := range doc {
			if at, found := unusableNumber(item); found {
				return "/" + strconv.Itoa(i) + at, true
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(doc)) {
			if at, found := unusableNumber(doc[name]); found {
				return "/" + jsonptr.Escape(name) + at, true
			}
		}
	}
	return "", false
}

var errUnusableNumber = fmt.Errorf("the number has more than %d digits, or an exponent beyond them: write a smaller one", maxNumber)

func integerText(text string) (integer, ok bool) {
	if _, ok := smallInteger(text); ok {
		return true, true
	}
	d, ok := parseDecimal(text)
	return d.isInteger(), ok
}

func floatText(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }
