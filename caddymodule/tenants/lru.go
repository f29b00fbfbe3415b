package tenants

import "container/list"

// lru keeps the values that were used last.
type lru[V any] struct {
	limit int
	order *list.List // of *item[V], the one used last first
	items map[string]*list.Element
}

type item[V any] struct {
	key   string
	value V
}

func newLRU[V any](limit int) *lru[V] {
	return &lru[V]{limit: limit, order: list.New(), items: make(map[string]*list.Element)}
}

func (l *lru[V]) get(key string) (value V, ok bool) {
	e := l.items[key]
	if e == nil {
		return value, false
	}
	l.order.MoveToFront(e)
	return valueOf[V](e).value, true
}

func (l *lru[V]) put(key string, value V) {
	if e := l.items[key]; e != nil {
		valueOf[V](e).value = value
		l.order.MoveToFront(e)
		return
	}
	l.items[key] = l.order.PushFront(&item[V]{key, value})
	if l.order.Len() > l.limit {
		l.remove(valueOf[V](l.order.Back()).key)
	}
}

func (l *lru[V]) remove(key string) {
	if e := l.items[key]; e != nil {
		l.order.Remove(e)
		delete(l.items, key)
	}
}

func (l *lru[V]) len() int { return l.order.Len() }

// each calls do with every value.
func (l *lru[V]) each(do func(V)) {
	for e := l.order.Front(); e != nil; e = e.Next() {
		do(valueOf[V](e).value)
	}
}

func (l *lru[V]) clear() {
	l.order.Init()
	clear(l.items)
}

func valueOf[V any](e *list.Element) *item[V] {
	it, _ := e.Value.(*item[V]) // nothing else is put in
	return it
}
