package caddymodule

import (
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parseFilter reads what accept and drop have in common. Syntax:
//
//	<glob>...
//	expression <cel>
//	<cel in quotes>
//
// An expression may be written without quotes, as one of Caddy's matcher may. One
// that follows the word itself, as a single argument, is known by its braces, which
// no glob has.
func parseFilter(d *caddyfile.Dispenser, globs *[]string, expressions *[]Expression) error {
	word := d.Val()
	if !d.NextArg() {
		return d.Errf("'%s' takes globs, or an expression: write `%s invoice.*` or `%s expression <cel>`", word, word, word)
	}
	first, more := d.Val(), d.CountRemainingArgs()
	switch {
	case first == "expression" && more == 0:
		return d.Errf("%s: the expression is missing: write `%s expression <cel>`", word, word)
	case first == "expression" && more == 1:
		d.NextArg()
		return parseExpression(d, word, d.Val(), expressions)
	case first == "expression":
		return parseExpression(d, word, strings.Join(d.RemainingArgsRaw(), " "), expressions)
	case more == 0 && strings.ContainsAny(first, "{}"):
		return parseExpression(d, word, first, expressions)
	}
	list := append([]string{first}, d.RemainingArgs()...)
	for _, glob := range list {
		if strings.ContainsAny(glob, "{}") {
			return d.Errf("%s: '%s' is not a glob: write `%s expression <cel>`, on a line of its own", word, redact(glob), word)
		}
	}
	*globs = append(*globs, list...)
	return nil
}

func parseExpression(d *caddyfile.Dispenser, word, expr string, into *[]Expression) error {
	if _, err := compile(expr); err != nil {
		return d.WrapErr(fmt.Errorf("%s expression: %w", word, err))
	}
	*into = append(*into, Expression{Expr: expr, Origin: fmt.Sprintf("%s:%d", d.File(), d.Line())})
	return nil
}
