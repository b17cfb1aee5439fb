"""Why some of NumPy's functions have no derivative, in a few words."""

# Why a function that the probe does not call, or whose result is not tracked, has no derivative.
WORDS = {
    "makes arrays": "out of shapes, counts and indices, which have no derivative",
    "makes a plain array": "which has no place in a graph: of a tracked tensor it raises "
    "`DetachError`, which names what to do instead",
    "writes into an argument": "a tensor is a value: it raises `ArgumentError`, which names "
    "`t[index] = value`",
    "reads or writes files": "and text, bytes and buffers",
    "settings": "and what there is to know about NumPy itself",
    "dtypes": "and the order in memory, asked or changed, not numbers",
    "dates": "have no derivative",
    "makes functions": "of functions; those they return work on tensors as the given ones do",
    "booleans and integers": "have no derivative: the result is the one of NumPy, untracked",
    "text": "of numbers",
}
REASONS = {
    name: word
    for word, names in {
        "makes arrays": "empty empty_like zeros ones eye identity indices fromfunction tri "
        "tril_indices triu_indices diag_indices mask_indices broadcast_shapes bartlett "
        "blackman hamming hanning",
        "makes a plain array": "array asarray asanyarray asarray_chkfinite ascontiguousarray "
        "asfortranarray require asmatrix bmat from_dlpack fromiter full arange kaiser "
        "fft.fftfreq fft.rfftfreq",
        "writes into an argument": "copyto put put_along_axis putmask place fill_diagonal",
        "reads or writes files": "frombuffer fromfile fromregex fromstring genfromtxt load loadtxt "
        "save savetxt savez savez_compressed",
        "settings": "get_include get_printoptions getbufsize geterr geterrcall info printoptions "
        "set_printoptions setbufsize seterr seterrcall show_config show_runtime test linalg.test "
        "fft.test",
        "dtypes": "isdtype isfortran issubdtype mintypecode promote_types typename",
        "dates": "busday_count busday_offset datetime_as_string datetime_data is_busday",
        "makes functions": "frompyfunc nested_iters",
        "text": "base_repr binary_repr format_float_positional format_float_scientific",
    }.items()
    for name in names.split()
}

# Public functions of NumPy 2.0 that later ones do without, and what they came to be called.
FORMER = {"in1d": "isin", "row_stack": "vstack", "trapz": "trapezoid"}
