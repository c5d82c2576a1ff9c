//! The guide has a row for every public name of asyncio.

/// What `asyncio.__all__` has in Python 3.11 to 3.14, and the methods that its documentation lists.
const NAMES: &str = "
    ALL_COMPLETED FIRST_COMPLETED FIRST_EXCEPTION
    run Runner create_task TaskGroup gather shield wait wait_for as_completed to_thread sleep timeout timeout_at
    current_task all_tasks eager_task_factory create_eager_task_factory ensure_future wrap_future isfuture
    iscoroutine iscoroutinefunction run_coroutine_threadsafe Task Future Timeout
    capture_call_graph format_call_graph print_call_graph future_add_to_awaited_by
    future_discard_from_awaited_by
    Lock Event Condition Semaphore BoundedSemaphore Barrier BrokenBarrierError
    Queue LifoQueue PriorityQueue QueueEmpty QueueFull QueueShutDown
    open_connection start_server open_unix_connection start_unix_server StreamReader StreamWriter
    StreamReaderProtocol Server AbstractServer
    create_subprocess_exec create_subprocess_shell Process
    CancelledError TimeoutError InvalidStateError IncompleteReadError LimitOverrunError
    SendfileNotAvailableError
    get_running_loop get_event_loop set_event_loop new_event_loop EventLoop AbstractEventLoop BaseEventLoop
    SelectorEventLoop ProactorEventLoop Handle TimerHandle
    get_event_loop_policy set_event_loop_policy AbstractEventLoopPolicy DefaultEventLoopPolicy
    WindowsSelectorEventLoopPolicy WindowsProactorEventLoopPolicy
    get_child_watcher set_child_watcher AbstractChildWatcher FastChildWatcher MultiLoopChildWatcher
    PidfdChildWatcher SafeChildWatcher ThreadedChildWatcher
    BaseTransport Transport ReadTransport WriteTransport DatagramTransport SubprocessTransport BaseProtocol
    Protocol BufferedProtocol DatagramProtocol SubprocessProtocol

    cancel cancelled done result exception add_done_callback remove_done_callback get_name set_name get_coro
    get_context get_stack print_stack cancelling uncancel set_result set_exception get_loop
    put get put_nowait get_nowait task_done join shutdown qsize empty full maxsize
    locked notify notify_all reset abort is_set
    read readline readexactly readuntil at_eof feed_eof write writelines drain close wait_closed is_closing
    write_eof can_write_eof get_extra_info start_tls serve_forever start_serving is_serving sockets
    close_clients abort_clients
    communicate kill terminate send_signal pid returncode reschedule when expired

    run_until_complete run_forever stop is_running is_closed shutdown_asyncgens shutdown_default_executor
    call_soon call_soon_threadsafe call_later call_at time create_future set_task_factory get_task_factory
    create_connection create_server create_datagram_endpoint create_unix_connection create_unix_server
    connect_accepted_socket sendfile sock_sendfile add_reader remove_reader add_writer remove_writer sock_recv
    sock_sendall sock_connect sock_accept getaddrinfo getnameinfo connect_read_pipe connect_write_pipe
    add_signal_handler remove_signal_handler run_in_executor set_default_executor set_exception_handler
    get_exception_handler default_exception_handler call_exception_handler set_debug slow_callback_duration
    subprocess_exec subprocess_shell
";

/// The identifiers in the first cells of the tables of a page.
fn names_of(page: &str) -> impl Iterator<Item = &str> {
    let first_cells = page.lines().filter_map(|line| line.strip_prefix("| "));
    let first_cells = first_cells.filter_map(|row| row.split(" | ").next());
    first_cells.flat_map(|cell| cell.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
}

#[test]
fn every_public_name_of_asyncio_has_its_row() {
    let pages = [
        include_str!("../src/from/asyncio.md"),
        include_str!("../src/asyncio.md"),
    ];
    let rows: std::collections::HashSet<_> = pages.into_iter().flat_map(names_of).collect();
    let missing: Vec<_> = NAMES
        .split_whitespace()
        .filter(|name| !rows.contains(name))
        .collect();
    assert_eq!(missing, [""; 0]);
}
