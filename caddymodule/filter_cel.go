package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
	"cel.dev/cel-go/parser"

	"github.com/caddy-webhooks/caddy-webhooks/caddymodule/gateway"
)

// longestEvaluation bounds an expression that goes through lists, which are as long
// as the sender likes. Others take no longer than it takes to read the event. It is a
// time because CEL's own limit of steps makes each step dearer than the one before.
const longestEvaluation = 100 * time.Millisecond

// program is an expression that is ready to be evaluated.
type program struct {
	prg     cel.Program
	loops   bool
	vars    map[string]*placeholder
	members []string
}

var (
	errNotBool = errors.New("it is not a condition, that is, true or false")
	errNumber  = errors.New("a number that is too large")
)

// celEnv is Caddy's CEL, with the libraries of its expression matcher, and has() for
// placeholders. It lacks the functions that are request matchers, which are for the
// matcher of the route, and that of lists, some of which take time and memory that
// the sender decides on.
var celEnv = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.CustomTypeAdapter(jsonAdapter{}),
		ext.Strings(), ext.Bindings(), ext.Math(),
		cel.OptionalTypes(),
		cel.Macros(cel.GlobalMacro("has", 1, expandHas)),
	)
})

// expandHas makes has({a.placeholder}) a variable of its own; it otherwise is CEL's.
func expandHas(eh cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
	if arg := args[0]; arg.Kind() == ast.IdentKind && strings.HasPrefix(arg.AsIdent(), variablePrefix) {
		return eh.NewIdent(hasPrefix + arg.AsIdent()), nil
	}
	return parser.MakeHas(eh, target, args)
}

const hasPrefix = "has_"

// compile checks an expression and makes it ready. The error says where in the
// expression the mistake is.
func compile(expr string) (*program, error) {
	if strings.TrimSpace(expr) == "" {
		return nil, errors.New("the expression is empty: remove it, or write a condition")
	}
	x, err := expand(expr)
	if err != nil {
		return nil, err
	}
	base, err := celEnv()
	if err != nil {
		return nil, fmt.Errorf("setting up CEL: %w", err)
	}
	options := make([]cel.EnvOption, 0, 2*len(x.vars))
	for name, p := range x.vars {
		options = append(options, cel.Variable(name, p.typ), cel.Variable(hasPrefix+name, cel.BoolType))
	}
	env, err := base.Extend(options...)
	if err != nil {
		return nil, fmt.Errorf("setting up CEL: %w", err)
	}
	checked, issues := env.Compile(x.text)
	if err := x.complaint(issues); err != nil {
		return nil, err
	}
	switch t := checked.OutputType(); {
	case t.IsExactType(cel.BoolType):
	case t.IsExactType(cel.DynType):
		return nil, fmt.Errorf("%w: compare it, as in %s == true", errNotBool, expr)
	default:
		return nil, fmt.Errorf("%w, but %s", errNotBool, t)
	}
	prg, err := env.Program(checked, cel.EvalOptions(cel.OptOptimize), cel.InterruptCheckFrequency(1))
	if err != nil {
		return nil, errors.New(x.original(err.Error()))
	}
	p := &program{prg: prg, loops: loops(checked.NativeRep().Expr()), vars: make(map[string]*placeholder, 2*len(x.vars))}
	for name, ph := range x.vars {
		p.vars[name] = ph
		p.vars[hasPrefix+name] = &placeholder{text: ph.text, value: ph.present}
		if ph.member {
			p.members = append(p.members, ph.pointer)
		}
	}
	return p, nil
}

// complaint puts what CEL has found into one line.
func (x *expanded) complaint(issues *cel.Issues) error {
	if issues.Err() == nil {
		return nil
	}
	var list []string
	for _, e := range issues.Errors() {
		message := x.original(e.Message)
		if strings.Contains(message, "token recognition error at: '=") {
			message += " (to compare, write ==)"
		}
		list = append(list, fmt.Sprintf("%d:%d: %s", e.Location.Line(), e.Location.Column()+1, message))
		if len(list) == 3 { // the first mistake makes others
			break
		}
	}
	return errors.New(strings.Join(list, "; "))
}

// original puts the placeholders back into a message.
func (x *expanded) original(message string) string {
	for name, p := range x.vars {
		message = strings.ReplaceAll(message, name, "{"+p.text+"}")
	}
	return strings.Join(strings.Fields(message), " ")
}

// loops reports whether an expression goes through a list or a map.
func loops(e ast.Expr) bool {
	found := false
	ast.PreOrderVisit(e, ast.NewExprVisitor(func(e ast.Expr) {
		found = found || e.Kind() == ast.ComprehensionKind
	}))
	return found
}

// settle puts the values of environment variables in. One that is missing or empty
// is an error.
func (p *program) settle() error {
	for _, ph := range p.vars {
		name, ok := strings.CutPrefix(ph.text, "env.")
		if !ok || ph.value != nil {
			continue
		}
		value := os.Getenv(name)
		if value == "" {
			return fmt.Errorf("{%s} is empty: set the variable %s in the environment of Caddy", ph.text, name)
		}
		ph.value = func(*gateway.Facts) (any, error) { return value, nil }
	}
	return nil
}

func (p *program) eval(f *gateway.Facts) (bool, error) {
	out, err := p.run(&activation{p, f})
	if err != nil {
		return false, err
	}
	holds, ok := out.Value().(bool)
	if !ok {
		return false, errNotBool
	}
	return holds, nil
}

func (p *program) run(a *activation) (out ref.Val, err error) {
	if !p.loops {
		out, _, err = p.prg.Eval(a)
		return out, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(longestEvaluation, a.facts.Left()))
	defer cancel()
	out, _, err = p.prg.ContextEval(ctx, a)
	return out, err
}

// present is the value of has().
func (p *placeholder) present(f *gateway.Facts) (any, error) {
	if p.has != nil {
		return p.has(f)
	}
	_, err := p.value(f)
	if err != nil && (&noValue{err: err}).reason() == reasonMissing {
		return false, nil
	}
	return err == nil, err
}

// activation hands values to CEL when it asks for them.
type activation struct {
	*program
	facts *gateway.Facts
}

// ResolveName returns the value of a variable.
func (a *activation) ResolveName(name string) (any, bool) {
	p, ok := a.vars[name]
	if !ok {
		return nil, false
	}
	v, err := p.value(a.facts)
	if err != nil {
		return types.WrapErr(&noValue{p.text, err}), true
	}
	return v, true
}

// Parent returns nil: there is none.
func (*activation) Parent() interpreter.Activation { return nil }

// jsonAdapter gives numbers of JSON the types of CEL. It makes no copies of what is
// decoded.
type jsonAdapter struct{}

// NativeToValue implements [types.Adapter].
func (a jsonAdapter) NativeToValue(value any) ref.Val {
	switch v := value.(type) {
	case json.Number:
		return celNumber(string(v))
	case map[string]any:
		return types.NewStringInterfaceMap(a, v)
	case []any:
		return types.NewDynamicList(a, v)
	}
	return types.DefaultTypeAdapter.NativeToValue(value)
}

// celNumber is an int if it is written as one, and otherwise a double. One that would
// not be the same after that is an error: two long ids must not become equal.
func celNumber(s string) ref.Val {
	if !strings.ContainsAny(s, ".eE") {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return types.Int(n)
		}
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			return types.WrapErr(errNumber)
		}
		return types.Uint(n)
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return types.WrapErr(errNumber)
	}
	return types.Double(f)
}

var (
	_ interpreter.Activation = (*activation)(nil)
	_ types.Adapter          = jsonAdapter{}
)
