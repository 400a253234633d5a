//! The bugs that are planted, as substitutions in the sources of the crate.
//!
//! The text to find stands in the file exactly once; take a short one that says what the code does. A replacement asks
//! `crate::bug("name")`, so that all bugs live in one copy of the crate. A name that stands in several substitutions is
//! one bug. When the crate changes, the test says which text it does not find: put the new text here, or take the bug
//! out if there is no such code any more.

/// What is found in a file below `src`, and what is put in its place.
pub(crate) struct Substitution {
    pub(crate) file: &'static str,
    pub(crate) find: &'static str,
    pub(crate) replace: &'static str,
}

const fn substitution(file: &'static str, find: &'static str, replace: &'static str) -> Substitution {
    Substitution { file, find, replace }
}

pub(crate) const SUBSTITUTIONS: &[Substitution] = &[
    // The queues.
    substitution(
        "queue.rs",
        "self.jobs.borrow_mut().pop_front()",
        r#"{
            let mut jobs = self.jobs.borrow_mut();
            if crate::bug("jobs-last-in-first-out") {
                jobs.pop_back()
            } else if crate::bug("continuations-of-await-run-last") {
                let first = jobs.iter().position(|entry| matches!(entry, Entry::Job(_))).unwrap_or(0);
                jobs.remove(first)
            } else {
                jobs.pop_front().or_else(|| CALLBACKS.with(|callbacks| callbacks.borrow_mut().pop_front()))
            }
        }"#,
    ),
    substitution(
        "queue.rs",
        "struct Queue {",
        "thread_local! { static CALLBACKS: RefCell<VecDeque<Entry>> = const { RefCell::new(VecDeque::new()) }; }
        struct Queue {",
    ),
    substitution(
        "queue.rs",
        "enqueue_job(Rc::new(Callback(Cell::new(Some(callback)))));",
        r#"let job = Rc::new(Callback(Cell::new(Some(callback))));
        if crate::bug("promise-jobs-before-microtasks") {
            CALLBACKS.with(|callbacks| callbacks.borrow_mut().push_back(Entry::Job(job)));
        } else {
            enqueue_job(job);
        }"#,
    ),
    substitution(
        "queue.rs",
        "queue.ticks.borrow_mut().pop_front()",
        r#"if crate::bug("ticks-last-in-first-out") {
            queue.ticks.borrow_mut().pop_back()
        } else {
            queue.ticks.borrow_mut().pop_front()
        }"#,
    ),
    // The drain.
    substitution(
        "event_loop/drain.rs",
        "if !queue::has_ticks() {\n        queue::run_entries",
        r#"if crate::bug("rejections-reported-before-microtasks") { hooks::process_rejections()?; }
        if crate::bug("ticks-after-microtasks") || !queue::has_ticks() {
            queue::run_entries"#,
    ),
    substitution(
        "queue.rs",
        "after_each();",
        r#"if crate::bug("a-tick-of-a-microtask-does-not-wait") {
                    while let Some(callback) = next_tick_callback() { callback(); }
                }
                after_each();"#,
    ),
    substitution(
        "event_loop/drain.rs",
        "while let Some(callback) = queue::next_tick_callback() {",
        r#"if crate::bug("ticks-of-ticks-wait") {
            let mut callbacks = Vec::new();
            while let Some(callback) = queue::next_tick_callback() { callbacks.push(callback); }
            for callback in callbacks { callback(); }
            queue::run_entries(&mut *after_each);
            if queue::has_ticks() { continue; }
        }
        while let Some(callback) = queue::next_tick_callback() {"#,
    ),
    substitution(
        "event_loop/drain.rs",
        "callback();",
        r#"callback();
            if crate::bug("microtasks-between-ticks") { queue::run_entries(&mut *after_each); }"#,
    ),
    substitution(
        "event_loop/drain.rs",
        "if !queue::has_ticks() && !hooks::process_rejections()? {",
        r#"if crate::bug("rejections-reported-before-ticks") {
            if !hooks::process_rejections()? && !queue::has_ticks() { return Ok(()); }
            continue;
        }
        if crate::bug("what-hooks-queue-waits-for-the-next-macrotask") {
            if !queue::has_ticks() { hooks::process_rejections()?; return Ok(()); }
            continue;
        }
        if !queue::has_ticks() && !hooks::process_rejections()? {"#,
    ),
    // Rejections.
    substitution(
        "event_loop/hooks.rs",
        "while let Some(id) = rejections::next_handled_late() {",
        r#"while !crate::bug("handled-late-told-after-new-reports") && !crate::bug("handled-late-told-last")
            && let Some(id) = rejections::next_handled_late() {"#,
    ),
    substitution(
        "event_loop/hooks.rs",
        "Ok(called || rejections::has_unhandled())",
        r#"if crate::bug("handled-late-told-after-new-reports") || (crate::bug("handled-late-told-last") && !called) {
            while let Some(id) = rejections::next_handled_late() {
                called = true;
                Calling::call(&hooks.handled, |hook| hook(id));
            }
        }
        Ok(called || rejections::has_unhandled())"#,
    ),
    substitution(
        "event_loop/hooks.rs",
        "let heard = Calling::call(&hooks.handled, |hook| hook(id));",
        r#"let heard = !crate::bug("handled-late-not-told") && Calling::call(&hooks.handled, |hook| hook(id));"#,
    ),
    substitution(
        "rejections.rs",
        "Unhandled(waiting.into_iter().filter(|promise| !promise.tracked().is_handled()).map(Held::new).collect())",
        r#"let mut waiting: Vec<_> = waiting.into_iter().collect();
        if crate::bug("rejections-reported-in-reverse") {
            waiting.reverse();
        }
        let is_due = |promise: &Rc<dyn Tracked>| {
            crate::bug("handled-rejections-reported") || !promise.tracked().is_handled()
        };
        Unhandled(waiting.into_iter().filter(is_due).map(Held::new).collect())"#,
    ),
    substitution(
        "event_loop/hooks.rs",
        "report(hooks, held.promise())?;",
        r#"if crate::bug("what-is-due-is-not-reported-if-a-hook-handled-it") && held.promise().tracked().is_handled() {
            continue;
        }
        if crate::bug("one-report-in-a-round") && reported > 0 {
            rejections::track(held.promise().clone());
            continue;
        }
        reported += 1;
        report(hooks, held.promise())?;
        if crate::bug("microtasks-between-reports") {
            crate::queue::run_entries(|| {});
        }"#,
    ),
    substitution(
        "event_loop/hooks.rs",
        "let mut called = false;",
        "let mut called = false;\n    let mut reported = 0;",
    ),
    substitution(
        "cell/mod.rs",
        "rejections::handled_late(self.origin().id);",
        r#"rejections::handled_late(self.origin().id);
                if crate::bug("handled-late-told-twice") { rejections::handled_late(self.origin().id); }"#,
    ),
    substitution(
        "cell/settling.rs",
        "Self::Track => rejections::track(node),",
        r#"Self::Track if crate::bug("only-promises-born-rejected-are-reported") => {}
        Self::Track => rejections::track(node),"#,
    ),
    substitution(
        "cell/node.rs",
        "rejections::track(node.clone());",
        r#"if !crate::bug("promises-born-rejected-are-not-reported") { rejections::track(node.clone()); }"#,
    ),
    substitution(
        "cell/handle.rs",
        "cell.mark_handled();",
        r#"if !crate::bug("a-handler-added-later-handles-nothing") {
            cell.mark_handled();
        }"#,
    ),
    substitution(
        "future.rs",
        "cell.mark_handled();",
        r#"if !crate::bug("await-handles-nothing") {
            cell.mark_handled();
        }"#,
    ),
    // Handlers.
    substitution(
        "cell/listener.rs",
        "for listener in self.rest.by_ref() {",
        r#"while let Some(listener) =
            if crate::bug("reactions-in-reverse") { self.rest.next_back() } else { self.rest.next() }
        {"#,
    ),
    substitution(
        "reaction/mod.rs",
        "source.react(node);",
        r#"if crate::bug("handlers-of-settled-promises-a-tick-late")
            && source.state() != crate::outcome::PromiseState::Pending
        {
            queue::queue_microtask(move || source.react(node));
        } else {
            source.react(node);
        }"#,
    ),
    substitution(
        "reaction/mod.rs",
        "queue::enqueue_job_in(context, self);",
        r#"let handler = std::any::type_name::<H>();
        if crate::bug("handlers-run-inside-the-settling")
            || crate::bug("then-passes-a-rejection-on-without-a-tick") && rejected && handler.contains("OnFulfilled")
            || crate::bug("catch-passes-a-value-on-without-a-tick") && !rejected && handler.contains("OnRejected")
        {
            return Kind::run(self);
        }
        if crate::bug("handlers-a-tick-late")
            || crate::bug("then-passes-a-rejection-on-a-tick-late") && rejected && handler.contains("OnFulfilled")
            || crate::bug("catch-passes-a-value-on-a-tick-late") && !rejected && handler.contains("OnRejected")
        {
            return queue::queue_microtask(move || queue::enqueue_job(self));
        }
        queue::enqueue_job_in(context, self);"#,
    ),
    substitution(
        "reaction/mod.rs",
        "self.kind.step.put(Step::Handle(handler, share));",
        "let rejected = crate::outcome::PromiseState::Rejected
            == match &share {
                Share::Whole(outcome) => outcome.state(),
                Share::Of(promise) => promise.state(),
            };
        self.kind.step.put(Step::Handle(handler, share));",
    ),
    // Resolving.
    substitution(
        "resolve/mod.rs",
        "Self::Adopt(promise) => follow(node, promise),",
        r#"Self::Adopt(promise) if crate::bug("adoption-a-job-too-many") => {
                queue::queue_microtask(move || follow(node, promise));
            }
            Self::Adopt(promise) if crate::bug("adoption-without-its-job") => {
                node.keep_followed(promise);
                node.run();
            }
            Self::Adopt(promise) => follow(node, promise),"#,
    ),
    substitution(
        "resolve/mod.rs",
        "Self::Adopt(promise) if promise.is(&node) => {",
        r#"Self::Adopt(promise) if promise.is(&node) && !crate::bug("self-resolution-not-noticed") => {"#,
    ),
    substitution(
        "resolve/mod.rs",
        "Self::Call(thenable) => queue::enqueue_job(Rc::new(ThenableJob::new(node, thenable))),",
        r#"Self::Call(thenable) if crate::bug("thenables-called-at-once") => {
                queue::Job::run(Rc::new(ThenableJob::new(node, thenable)));
            }
            Self::Call(thenable) if crate::bug("thenables-called-a-tick-late") => {
                queue::queue_microtask(move || queue::enqueue_job(Rc::new(ThenableJob::new(node, thenable))));
            }
            Self::Call(thenable) if crate::bug("thenables-without-their-context") => {
                queue::enqueue_job_in(None, Rc::new(ThenableJob::new(node, thenable)));
            }
            Self::Call(thenable) => queue::enqueue_job(Rc::new(ThenableJob::new(node, thenable))),"#,
    ),
    substitution(
        "cell/node.rs",
        "promise.subscribe(Listener::Follow(node));",
        r#"if crate::bug("adoption-of-a-settled-promise-settles-in-its-job")
            && promise.state() != PromiseState::Pending
        {
            promise.cell().mark_handled();
            settle(node, promise.consume());
        } else {
            promise.subscribe(Listener::Follow(node));
        }"#,
    ),
    substitution(
        "reaction/mod.rs",
        "if self.cell.begins_to_follow() {",
        r#"if self.cell.begins_to_follow() && !crate::bug("adoption-of-a-fulfilled-promise-a-tick-short") {"#,
    ),
    substitution(
        "cell/listener.rs",
        "Self::Follow(follower) => follow(follower, Promise::from_consumer(node)),",
        r#"Self::Follow(follower) if crate::bug("adopters-settle-inside-the-settling") => {
                follower.keep_followed(Promise::from_consumer(node));
                follower.run();
            }
            Self::Follow(follower) => follow(follower, Promise::from_consumer(node)),"#,
    ),
    substitution(
        "cell/settling.rs",
        "pub(crate) fn settle(&self",
        "pub(crate) fn overrule(&self, outcome: Outcome<T, E>) {
        let state = self.state.take();
        self.state.put(if let State::Settled(_) = state { State::Settled(outcome) } else { state });
    }

    pub(crate) fn settle(&self",
    ),
    substitution(
        "resolve/functions.rs",
        "if functions.pair().is_first_call()\n",
        r#"if functions.pair().already_resolved.get() && crate::bug("later-settlings-count") {
            return functions.cell().overrule(outcome);
        }
        let locked_in = || functions.cell().promise_state() == crate::outcome::PromiseState::Pending;
        let counts = crate::bug("a-locked-in-promise-can-be-resolved") && functions.pair().already_resolved.get() && locked_in();
        if (counts || functions.pair().is_first_call())
"#,
    ),
    substitution(
        "resolve/functions.rs",
        "trait Functions<T, E> {",
        "impl<T, E> Reject<T, E> {
            pub(crate) fn node(&self) -> Rc<dyn Node<T, E>> {
                self.functions.clone().target()
            }
        }

        trait Functions<T, E> {",
    ),
    substitution(
        "promise/mod.rs",
        "throw(reason);",
        r#"if crate::bug("a-throw-after-the-executor-resolved-counts")
                    && throw.node().cell().promise_state() != crate::outcome::PromiseState::Pending
                {
                    throw.node().cell().overrule(Outcome::Rejected(reason));
                } else {
                    throw(reason);
                }"#,
    ),
    substitution(
        "resolve/thenable.rs",
        "Ok(Err(reason)) =>",
        r#"Ok(Err(reason))
                if crate::bug("a-throw-after-the-thenable-resolved-counts")
                    && self.node.cell().promise_state() != crate::outcome::PromiseState::Pending =>
            {
                self.node.cell().overrule(crate::outcome::Outcome::Rejected(reason));
            }
            Ok(Err(reason)) =>"#,
    ),
    substitution(
        "promise/mod.rs",
        "Ok(Resolution::Adopt(promise)) => promise,",
        r#"Ok(Resolution::Adopt(promise)) if crate::bug("resolve-of-a-promise-adopts-it") => {
                let (outer, producer) = Producer::new(made_at);
                producer.complete(Ok(Resolution::Adopt(promise)));
                outer
            }
            Ok(Resolution::Adopt(promise)) => promise,"#,
    ),
    substitution(
        "promise/mod.rs",
        "let (outer, producer) = Producer::new(made_at);",
        r#"if crate::bug("attempt-gives-the-promise-back") { return promise; }
                let (outer, producer) = Producer::new(made_at);"#,
    ),
    // Finally.
    substitution(
        "reaction/finally.rs",
        "Step::HandThrough(outcome) => queue_step(node, Step::Settle(outcome)),",
        r#"Step::HandThrough(outcome)
                if crate::bug("finally-a-tick-short")
                    || crate::bug("finally-a-tick-short-on-rejection") && matches!(outcome, Outcome::Rejected(_)) =>
            {
                settle(node, outcome);
            }
            Step::HandThrough(outcome) => queue_step(node, Step::Settle(outcome)),"#,
    ),
    substitution(
        "reaction/finally.rs",
        "Step::Settle(outcome) => settle(node, outcome),",
        r#"Step::Settle(outcome) if crate::bug("finally-a-tick-long") => {
                queue::queue_microtask(move || settle(node, outcome));
            }
            Step::Settle(outcome) => settle(node, outcome),"#,
    ),
    substitution(
        "reaction/finally.rs",
        "Ok(Resolution::Adopt(promise)) => gate(node, outcome, promise),",
        r#"Ok(Resolution::Adopt(promise)) if crate::bug("finally-does-not-wait") => {
                        drop(promise);
                        queue_step(node, Step::HandThrough(outcome));
                    }
                    Ok(Resolution::Adopt(promise)) => gate(node, outcome, promise),"#,
    ),
    substitution(
        "reaction/finally.rs",
        "Ok(Resolution::Reject(reason)) => settle(node, replace(outcome, Outcome::Rejected(reason))),",
        r#"Ok(Resolution::Reject(reason)) if crate::bug("a-throw-in-finally-a-tick-late") => {
                        queue_step(node, Step::Settle(replace(outcome, Outcome::Rejected(reason))));
                    }
                    Ok(Resolution::Reject(reason)) => settle(node, replace(outcome, Outcome::Rejected(reason))),"#,
    ),
    substitution(
        "reaction/finally.rs",
        "queue_step(self.node.clone(), Step::Settle(outcome));",
        r#"if crate::bug("finally-a-tick-short-after-waiting") {
            return settle(self.node.clone(), outcome);
        }
        queue_step(self.node.clone(), Step::Settle(outcome));"#,
    ),
    substitution(
        "reaction/finally.rs",
        "Outcome::Rejected(reason) => replace(outcome, Outcome::Rejected(reason)),",
        r#"Outcome::Rejected(_) if crate::bug("finally-ignores-what-it-waited-for") => outcome,
            Outcome::Rejected(reason) => replace(outcome, Outcome::Rejected(reason)),"#,
    ),
    substitution(
        "reaction/finally.rs",
        "// It would pass the gate at once, in a job of the same tick.",
        r#"Ok(value) if crate::bug("finally-a-tick-short-after-a-fulfilled-promise") => {
            queue_step(node, Step::Settle(outcome));
            drop(value);
        }"#,
    ),
    // Async functions.
    substitution(
        "cell/listener.rs",
        "Self::Wake(waker) => waker.wake(),",
        r#"Self::Wake(waker) if crate::bug("await-of-a-pending-promise-a-tick-late") => {
                crate::queue::queue_microtask(move || waker.wake());
            }
            Self::Wake(waker) => waker.wake(),"#,
    ),
    substitution(
        "future.rs",
        "task_waker(task).wake();",
        r#"let waker = task_waker(task);
            if crate::bug("await-of-a-settled-promise-a-tick-late") {
                crate::queue::queue_microtask(move || waker.wake());
            } else {
                waker.wake();
            }"#,
    ),
    substitution(
        "future.rs",
        "} else if cell.continues(run_of(task)) {",
        r#"} else if crate::bug("await-of-a-settled-promise-goes-on-at-once") || cell.continues(run_of(task)) {"#,
    ),
    substitution(
        "future.rs",
        "queue::run_task(runnable);",
        r#"if crate::bug("async-functions-start-a-tick-late") {
            queue::enqueue(Entry::Task(runnable));
        } else {
            queue::run_task(runnable);
        }"#,
    ),
    substitution(
        "future.rs",
        "producer.complete(completion);",
        r#"if crate::bug("async-functions-return-a-tick-late") {
            queue::queue_microtask(move || producer.complete(completion));
        } else {
            producer.complete(completion);
        }"#,
    ),
    substitution(
        "reaction/relay.rs",
        "settle(self, share.take_caught());",
        r#"if crate::bug("await-of-one-of-several-handles-a-tick-late") {
            crate::queue::queue_microtask(move || settle(self, share.take_caught()));
        } else {
            settle(self, share.take_caught());
        }"#,
    ),
    // Combinators.
    substitution(
        "combinator/mod.rs",
        "for element in elements {
            let element = element.into_resolution();",
        r#"let convert = |resolution| match resolution {
            crate::Resolution::Thenable(_) if crate::bug("combinators-convert-before-they-hook-up") => {
                let (promise, producer) = Producer::new(made_at);
                producer.complete(Ok(resolution));
                crate::Resolution::Adopt(promise)
            }
            other => other,
        };
        let elements: Vec<_> = elements.into_iter().map(|element| convert(element.into_resolution())).collect();
        for element in elements {"#,
    ),
    substitution(
        "combinator/mod.rs",
        "/// What the hook-ups of one call share.",
        "thread_local! { static ENDS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) }; }
        ",
    ),
    substitution(
        "combinator/mod.rs",
        "Ok(()) => self.end_iteration(),",
        "Ok(()) => {
                ENDS.set(true);
                self.end_iteration();
                ENDS.set(false);
            }",
    ),
    substitution(
        "combinator/mod.rs",
        "closed.close(decision);",
        r#"let is_late = if ENDS.get() {
                crate::bug("combinators-of-nothing-a-tick-late")
            } else {
                crate::bug("combinators-decide-a-tick-late")
            };
            if is_late {
                crate::queue::queue_microtask(move || closed.close(decision));
            } else {
                closed.close(decision);
            }"#,
    ),
    substitution(
        "combinator/hook_up.rs",
        "queue::enqueue_job(self);",
        r#"if crate::bug("combinators-take-elements-inside-the-settling") {
                self.run();
            } else {
                queue::enqueue_job(self);
            }"#,
    ),
    substitution(
        "combinator/hook_up.rs",
        "Ok(outcome) => report(collector, place, outcome),",
        r#"Ok(outcome) if crate::bug("combinators-take-settled-promises-at-once") => {
            collector.clone().take(place, outcome);
        }
        Ok(outcome) => report(collector, place, outcome),"#,
    ),
    substitution(
        "combinator/hook_up.rs",
        "Resolution::Fulfill(value) => return report(collector, place, Outcome::Fulfilled(value)),",
        r#"Resolution::Fulfill(value) if crate::bug("combinators-take-values-at-once") => {
            return collector.clone().take(place, Outcome::Fulfilled(value));
        }
        Resolution::Fulfill(value) => return report(collector, place, Outcome::Fulfilled(value)),"#,
    ),
    // Timers, immediates, phases.
    substitution(
        "event_loop/timers/mod.rs",
        "ms @ 1..=MAX_MS =>",
        r#"0 if crate::bug("a-delay-of-0-is-not-1") => 0,
        ms @ 1..=MAX_MS =>"#,
    ),
    substitution(
        "event_loop/timers/mod.rs",
        "let read = self.state.clock.read();",
        r#"let read = self.state.clock.read();
        if crate::bug("intervals-start-after-their-callback") {
            self.start = self.state.clock.update();
        }"#,
    ),
    substitution(
        "event_loop/timers/lists.rs",
        "self.order.demote(list, (start + ms, id), &mut self.lists);",
        r#"let before = self.order.top().map_or(id, |((_, before), _)| before);
                let id = if crate::bug("a-list-of-timers-keeps-its-place") { before } else { id };
                self.order.demote(list, (start + ms, id), &mut self.lists);"#,
    ),
    substitution(
        "event_loop/timers/lists.rs",
        "std::mem::replace(&mut self.entries[key.index].keeps_alive, alive)",
        r#"std::mem::replace(
                &mut self.entries[key.index].keeps_alive,
                alive || crate::bug("every-timer-keeps-the-loop-alive"),
            )"#,
    ),
    substitution(
        "event_loop/timers/lists.rs",
        "self.start(key.index, now, now);",
        r#"if !crate::bug("refresh-does-nothing") {
            self.start(key.index, now, now);
        }"#,
    ),
    substitution(
        "event_loop/immediates.rs",
        "while self.first < self.batch_end {",
        r#"while self.first < self.batch_end || crate::bug("immediates-of-immediates-do-not-wait") {"#,
    ),
    substitution(
        "event_loop/immediates.rs",
        "let entry = self.entry(number)?;",
        r#"if crate::bug("immediates-of-the-batch-cannot-be-cleared") && number < self.batch_end {
            return None;
        }
        let entry = self.entry(number)?;"#,
    ),
    substitution(
        "event_loop/phases.rs",
        "self.go_to(Phase::FirstTimers)",
        r#"self.go_to(if crate::bug("no-timers-before-the-first-poll") { Phase::Poll } else { Phase::FirstTimers })"#,
    ),
    substitution(
        "event_loop/phases.rs",
        "self.immediates.borrow_mut().begin_batch();",
        r#"if crate::bug("timers-before-immediates") {
                    self.clock.update();
                    if self.run_timer() {
                        return Progress::Callback;
                    }
                }
                self.immediates.borrow_mut().begin_batch();"#,
    ),
    substitution(
        "event_loop/drive.rs",
        "Progress::Callback => continue 'drain,",
        r#"Progress::Callback if crate::bug("macrotasks-without-a-drain-between-them") => {}
                Progress::Callback => continue 'drain,"#,
    ),
    // Contexts.
    substitution(
        "queue.rs",
        "if context.is_some() || queue.is_bound.get() {",
        r#"let context = context.filter(|_| !crate::bug("handlers-without-their-context"));
        if context.is_some() || (queue.is_bound.get() && !crate::bug("what-has-no-context-runs-in-that-of-others")) {"#,
    ),
    substitution(
        "future.rs",
        "context::enter(this.context.as_ref());",
        r#"context::enter(this.context.as_ref().filter(|_| !crate::bug("tasks-without-their-context")));"#,
    ),
    substitution(
        "context.rs",
        "context => Box::new(move || restore(context.as_ref(), callback)),",
        r#"context => Box::new(move || {
            restore(context.as_ref().filter(|_| !crate::bug("callbacks-without-their-context")), callback)
        }),"#,
    ),
    substitution(
        "context.rs",
        "drop(replace_current(self.before.take()));",
        r#"if !crate::bug("contexts-leak-into-what-comes-next") {
            drop(replace_current(self.before.take()));
        }"#,
    ),
    // Aborts.
    substitution(
        "abort/core.rs",
        "self.listeners.borrow_mut().pop_first()",
        r#"if crate::bug("listeners-of-an-abort-last-in-first-out") {
            self.listeners.borrow_mut().pop_last()
        } else {
            self.listeners.borrow_mut().pop_first()
        }"#,
    ),
    substitution(
        "abort/core.rs",
        "        self.tell(aborted);",
        r#"        if !crate::bug("signals-that-follow-are-told-first") {
            self.tell(aborted);
        }"#,
    ),
    substitution(
        "abort/core.rs",
        "            follower.core.tell(aborted);\n        }",
        r#"            follower.core.tell(aborted);
        }
        if crate::bug("signals-that-follow-are-told-first") {
            self.tell(aborted);
        }"#,
    ),
    substitution(
        "abort/core.rs",
        "let is_first = self.aborted.borrow().is_none();",
        r#"let is_first = self.aborted.borrow().is_none() || crate::bug("a-second-abort-changes-the-reason");"#,
    ),
    substitution(
        "abort/core.rs",
        "let listener = self.listeners.borrow_mut().remove(&number);",
        r#"let is_kept = crate::bug("listeners-that-were-taken-off-are-called");
                let listener = if is_kept { None } else { self.listeners.borrow_mut().remove(&number) };"#,
    ),
    substitution(
        "abort/listener.rs",
        "queue_microtask(move || queued.aborted(&aborted));",
        r#"if crate::bug("listeners-of-what-is-aborted-are-called-at-once") {
                queued.aborted(&aborted);
            } else {
                queue_microtask(move || queued.aborted(&aborted));
            }"#,
    ),
    substitution(
        "abort/cut.rs",
        "queue::enqueue_job(self);",
        r#"if crate::bug("abortable-settles-with-its-promise") {
                self.run();
            } else {
                queue::enqueue_job(self);
            }"#,
    ),
    substitution(
        "abort/cut.rs",
        "producer.complete(attempt(complete));",
        r#"let completion = attempt(complete);
            if crate::bug("abortable-is-rejected-a-tick-late") {
                crate::queue::queue_microtask(move || producer.complete(completion));
            } else {
                producer.complete(completion);
            }"#,
    ),
    substitution(
        "abort/cut.rs",
        "self.cell().mark_handled();",
        r#"if !crate::bug("losers-of-an-abort-are-not-handled") {
                self.cell().mark_handled();
            }"#,
    ),
    substitution(
        "control/timeout.rs",
        "let (core, alarm) = timed(duration, false);",
        r#"let (core, alarm) = timed(duration, crate::bug("signals-with-a-time-keep-the-loop-alive"));"#,
    ),
];
