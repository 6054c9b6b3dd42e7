# %% [markdown]
# Answers to lab 06 that `course verify` tries: the mistakes that students make, other correct answers, and mutants
# of the reference that no test can tell from it.

# %% [markdown]
# ## cosine_similarities

# %% mistake="cosine_similarities" slip="no division by the lengths" says="divide by both lengths"
def cosine_similarities(vectors):
    return vectors @ vectors.T


# %% mistake="cosine_similarities" slip="0/0 for a vector of zeros" says="0/0|NaN"
def cosine_similarities(vectors):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return units @ units.T


# %% mistake="cosine_similarities" slip="only one of the lengths" says="one of the two lengths"
def cosine_similarities(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors @ vectors.T / np.where(lengths > 0, lengths, 1)


# %% mistake="cosine_similarities" slip="squared lengths" says="take the root"
def cosine_similarities(vectors):
    squares = (vectors**2).sum(axis=1, keepdims=True)
    units = vectors / np.where(squares > 0, squares, 1)
    return units @ units.T


# %% mistake="cosine_similarities" slip="the diagonal set to 1, for zeros too" says="itself included"
def cosine_similarities(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, 1)
    result = units @ units.T
    np.fill_diagonal(result, 1)
    return result


# %% mistake="cosine_similarities" slip="a small number added to the lengths" says="random vectors"
def cosine_similarities(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-8
    units = vectors / lengths
    return units @ units.T


# %% mistake="cosine_similarities" slip="columns compared" says="columns"
def cosine_similarities(vectors):
    lengths = np.linalg.norm(vectors, axis=0, keepdims=True)
    units = vectors / np.where(lengths > 0, lengths, 1)
    return units.T @ units


# %% mistake="cosine_similarities" slip="divided by the second vector's length only" says="that of the second vector"
def cosine_similarities(vectors):
    n = np.linalg.norm(vectors, axis=1)
    n[n == 0] = 1
    return vectors @ vectors.T / n


# %% mistake="cosine_similarities" slip="one length for the whole array" says="length of the whole array"
def cosine_similarities(vectors):
    u = vectors / np.linalg.norm(vectors)
    return u @ u.T


# %% mistake="cosine_similarities" slip="lengths without keepdims" says="keepdims"
def cosine_similarities(vectors):
    n = np.linalg.norm(vectors, axis=1)
    n[n == 0] = 1
    u = vectors / n
    return u @ u.T


# %% mistake="cosine_similarities" slip="the angle in place of its cosine" says="this is the angle"
def cosine_similarities(vectors):
    n = np.linalg.norm(vectors, axis=1, keepdims=True)
    n[n == 0] = 1
    u = vectors / n
    return np.arccos(np.clip(u @ u.T, -1, 1))


# %% mistake="cosine_similarities" slip="the distance 1 - cosine" says="this is 1 - cosine"
def cosine_similarities(vectors):
    n = np.linalg.norm(vectors, axis=1, keepdims=True)
    n[n == 0] = 1
    u = vectors / n
    return 1 - u @ u.T


# %% mistake="cosine_similarities" slip="the argument divided in place" says="modified in place"
def cosine_similarities(vectors):
    n = np.linalg.norm(vectors, axis=1, keepdims=True)
    n[n == 0] = 1
    vectors /= n
    return vectors @ vectors.T


# %% mistake="cosine_similarities" slip="a list of lists" says="is a list"
def cosine_similarities(vectors):
    n = np.linalg.norm(vectors, axis=1, keepdims=True)
    n[n == 0] = 1
    u = vectors / n
    return (u @ u.T).tolist()


# %% mistake="cosine_similarities" slip="sums of absolute values as lengths" says="absolute values"
def cosine_similarities(vectors):
    n = np.abs(vectors).sum(axis=1, keepdims=True)
    n[n == 0] = 1
    u = vectors / n
    return u @ u.T


# %% mistake="cosine_similarities" slip="sums as lengths" says="divided by sums"
def cosine_similarities(vectors):
    n = vectors.sum(axis=1, keepdims=True)
    n[n == 0] = 1
    u = vectors / n
    return u @ u.T


# %% mistake="cosine_similarities" slip="PyTorch's cosine" says="cosine_similarity"
def cosine_similarities(vectors):
    t = torch.from_numpy(vectors)
    return torch.nn.functional.cosine_similarity(t[:, None], t[None], dim=2).numpy()


# %% mistake="cosine_similarities" slip="SciPy's cosine distance" says="uses .*cosine, which"
def cosine_similarities(vectors):
    from scipy.spatial.distance import cosine

    n = len(vectors)
    result = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            if vectors[i].any() and vectors[j].any():
                result[i, j] = 1 - cosine(vectors[i], vectors[j])
    return result


# %% mistake="cosine_similarities" slip="correlations" says="a mean was subtracted"
def cosine_similarities(vectors):
    return np.corrcoef(vectors)


# %% mistake="cosine_similarities" slip="no return" says="return"
def cosine_similarities(vectors):
    result = vectors @ vectors.T


# %% alternative="cosine_similarities" note="two loops"
def cosine_similarities(vectors):
    n = len(vectors)
    result = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            lengths = np.sqrt(np.sum(vectors[i] ** 2)) * np.sqrt(np.sum(vectors[j] ** 2))
            if lengths > 0:
                result[i, j] = np.dot(vectors[i], vectors[j]) / lengths
    return result


# %% alternative="cosine_similarities" note="divided afterwards, NaN replaced"
def cosine_similarities(vectors):
    products = np.einsum("id,jd->ij", vectors, vectors)
    root = np.sqrt(np.diag(products))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(products / np.outer(root, root))


# %% alternative="cosine_similarities" note="PyTorch"
def cosine_similarities(vectors):
    units = torch.nn.functional.normalize(torch.as_tensor(vectors), dim=1)
    return (units @ units.T).numpy()


# %% alternative="cosine_similarities" note="warnings, then nan_to_num"
def cosine_similarities(vectors):
    n = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.nan_to_num(vectors @ vectors.T / (n * n.T))


# %% alternative="cosine_similarities" note="np.where after the division, with its warning"
def cosine_similarities(vectors):
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.where(lengths > 0, vectors / lengths, 0)
    return units @ units.T


# %% alternative="cosine_similarities" note="lengths not below 1e-12"
def cosine_similarities(vectors):
    n = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    u = vectors / n
    return u @ u.T


# %% [markdown]
# ## cooccurrence

# %% mistake="cooccurrence" slip="one direction only" says="one direction"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        ids = [index[word] for word in sentence if word in index]
        for distance, weight in enumerate(weights, start=1):
            for left, right in zip(ids, ids[distance:], strict=False):
                table[left, right] += weight
    return table


# %% mistake="cooccurrence" slip="all sentences joined to one text" says="to the next"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    ids = [index[word] for sentence in sentences for word in sentence if word in index]
    for distance, weight in enumerate(weights, start=1):
        for left, right in zip(ids, ids[distance:], strict=False):
            table[left, right] += weight
            table[right, left] += weight
    return table


# %% mistake="cooccurrence" slip="a word counts as its own neighbour" says="its own neighbour"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        ids = [index[word] for word in sentence if word in index]
        for i, centre in enumerate(ids):
            for j in range(max(0, i - len(weights)), min(len(ids), i + len(weights) + 1)):
                table[centre, ids[j]] += weights[max(abs(i - j) - 1, 0)]
    return table


# %% mistake="cooccurrence" slip="both directions, twice" says="counted twice|factor of 2"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        ids = [index[word] for word in sentence if word in index]
        for i, centre in enumerate(ids):
            for j, other in enumerate(ids):
                if 0 < abs(i - j) <= len(weights):
                    table[centre, other] += weights[abs(i - j) - 1]
                    table[other, centre] += weights[abs(i - j) - 1]
    return table


# %% mistake="cooccurrence" slip="the window is always 1" says="as wide as there are weights"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        ids = [index[word] for word in sentence if word in index]
        for left, right in zip(ids, ids[1:], strict=False):
            table[left, right] += weights[0]
            table[right, left] += weights[0]
    return table


# %% mistake="cooccurrence" slip="the weights are not used" says="weights were not used"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        ids = [index[word] for word in sentence if word in index]
        for distance in range(1, len(weights) + 1):
            for left, right in zip(ids, ids[distance:], strict=False):
                table[left, right] += 1
                table[right, left] += 1
    return table


# %% mistake="cooccurrence" slip="unknown words keep their place" says="kept its place"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        for distance, weight in enumerate(weights, start=1):
            for left, right in zip(sentence, sentence[distance:], strict=False):
                if left in index and right in index:
                    table[index[left], index[right]] += weight
                    table[index[right], index[left]] += weight
    return table


# %% mistake="cooccurrence" slip="unknown words raise" says="raised|KeyError"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        ids = [index[word] for word in sentence]
        for distance, weight in enumerate(weights, start=1):
            for left, right in zip(ids, ids[distance:], strict=False):
                table[left, right] += weight
                table[right, left] += weight
    return table


# %% mistake="cooccurrence" slip="equal neighbours left out" says="same word was left out"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        ids = [index[word] for word in sentence if word in index]
        for distance, weight in enumerate(weights, start=1):
            for left, right in zip(ids, ids[distance:], strict=False):
                if left != right:
                    table[left, right] += weight
                    table[right, left] += weight
    return table


# %% mistake="cooccurrence" slip="whether, not how often" says="how often"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        ids = [index[word] for word in sentence if word in index]
        for distance, weight in enumerate(weights, start=1):
            for left, right in zip(ids, ids[distance:], strict=False):
                table[left, right] = weight
                table[right, left] = weight
    return table


# %% mistake="cooccurrence" slip="a table of whole numbers" says="the half was lost"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n = len(vocabulary)
    table = np.zeros((n, n), dtype=int)
    for s in sentences:
        s = [vocabulary.index(w) for w in s if w in vocabulary]
        for i in range(len(s)):
            for d in range(1, len(weights) + 1):
                if i + d < len(s):
                    table[s[i], s[i + d]] += weights[d - 1]
                    table[s[i + d], s[i]] += weights[d - 1]
    return table


# %% mistake="cooccurrence" slip="range ends one too early" says="range leaves out its end"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n, w = len(vocabulary), len(weights)
    table = np.zeros((n, n))
    for s in sentences:
        s = [vocabulary.index(x) for x in s if x in vocabulary]
        for i in range(len(s)):
            for j in range(max(0, i - w), min(len(s), i + w)):
                if i != j:
                    table[s[i], s[j]] += weights[abs(i - j) - 1]
    return table


# %% mistake="cooccurrence" slip="indices below 0, one way" says="around the start"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n, w = len(vocabulary), len(weights)
    table = np.zeros((n, n))
    for s in sentences:
        s = [vocabulary.index(x) for x in s if x in vocabulary]
        for i in range(len(s)):
            for j in range(i - w, min(len(s), i + w + 1)):
                if i != j:
                    table[s[i], s[j]] += weights[abs(i - j) - 1]
    return table


# %% mistake="cooccurrence" slip="indices below 0, both ways" says="around the start"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n, w = len(vocabulary), len(weights)
    table = np.zeros((n, n))
    for s in sentences:
        s = [x for x in s if x in vocabulary]
        for i in range(len(s)):
            for d in range(1, w + 1):
                a, b = vocabulary.index(s[i]), vocabulary.index(s[i - d])
                table[a, b] += weights[d - 1]
                table[b, a] += weights[d - 1]
    return table


# %% mistake="cooccurrence" slip="the vocabulary sorted" says="alphabetical"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    vocabulary = sorted(vocabulary)
    n, w = len(vocabulary), len(weights)
    table = np.zeros((n, n))
    for s in sentences:
        s = [x for x in s if x in vocabulary]
        for i in range(len(s)):
            for d in range(1, w + 1):
                if i + d < len(s):
                    table[vocabulary.index(s[i]), vocabulary.index(s[i + d])] += weights[d - 1]
    return table + table.T


# %% mistake="cooccurrence" slip="a vocabulary of one's own" says="order of the text"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    vocabulary = list(dict.fromkeys(w for s in sentences for w in s))
    n, w = len(vocabulary), len(weights)
    table = np.zeros((n, n))
    for s in sentences:
        s = [x for x in s if x in vocabulary]
        for i in range(len(s)):
            for d in range(1, w + 1):
                if i + d < len(s):
                    table[vocabulary.index(s[i]), vocabulary.index(s[i + d])] += weights[d - 1]
    return table + table.T


# %% mistake="cooccurrence" slip="every pair of a sentence" says="whole sentence"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n = len(vocabulary)
    table = np.zeros((n, n))
    for s in sentences:
        for a in s:
            for b in s:
                if a != b and a in vocabulary and b in vocabulary:
                    table[vocabulary.index(a), vocabulary.index(b)] += 1
    return table


# %% mistake="cooccurrence" slip="unknown words taken out of the argument" says="modified in place"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n = len(vocabulary)
    table = np.zeros((n, n))
    for k, s in enumerate(sentences):
        sentences[k] = s = [x for x in s if x in vocabulary]
        for i in range(len(s)):
            for d in range(1, len(weights) + 1):
                if i + d < len(s):
                    table[vocabulary.index(s[i]), vocabulary.index(s[i + d])] += weights[d - 1]
    return table + table.T


# %% mistake="cooccurrence" slip="unknown words removed from the sentences" says="modified in place"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n = len(vocabulary)
    table = np.zeros((n, n))
    for s in sentences:
        for word in list(s):
            if word not in vocabulary:
                s.remove(word)
        for i in range(len(s)):
            for d in range(1, len(weights) + 1):
                if i + d < len(s):
                    table[vocabulary.index(s[i]), vocabulary.index(s[i + d])] += weights[d - 1]
    return table + table.T


# %% mistake="cooccurrence" slip="+= at repeated indices" says="np.add.at"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {w: i for i, w in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for s in sentences:
        ids = np.array([index[w] for w in s if w in index], dtype=int)
        for d, w in enumerate(weights, 1):
            table[ids[:-d], ids[d:]] += w
            table[ids[d:], ids[:-d]] += w
    return table


# %% mistake="cooccurrence" slip="the diagonal halved" says="twice on the diagonal"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n = len(vocabulary)
    table = np.zeros((n, n))
    for s in sentences:
        s = [x for x in s if x in vocabulary]
        for i in range(len(s)):
            for d in range(1, len(weights) + 1):
                if i + d < len(s):
                    table[vocabulary.index(s[i]), vocabulary.index(s[i + d])] += weights[d - 1]
    return table + table.T - np.diag(np.diag(table))


# %% mistake="cooccurrence" slip="1 / distance in place of the weights" says="1 / distance"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    n = len(vocabulary)
    table = np.zeros((n, n))
    for s in sentences:
        s = [x for x in s if x in vocabulary]
        for i in range(len(s)):
            for d in range(1, len(weights) + 1):
                if i + d < len(s):
                    table[vocabulary.index(s[i]), vocabulary.index(s[i + d])] += 1 / d
    return table + table.T


# %% mistake="cooccurrence" slip="a sparse matrix" says="lil_matrix"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    table = scipy.sparse.lil_matrix((len(vocabulary), len(vocabulary)))
    for s in sentences:
        s = [vocabulary.index(x) for x in s if x in vocabulary]
        for i in range(len(s)):
            for d in range(1, len(weights) + 1):
                if i + d < len(s):
                    table[s[i], s[i + d]] += weights[d - 1]
                    table[s[i + d], s[i]] += weights[d - 1]
    return table


# %% alternative="cooccurrence" note="every word a centre, its window gone through"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    table = np.zeros((len(vocabulary), len(vocabulary)))
    window = len(weights)
    for sentence in sentences:
        known = [word for word in sentence if word in vocabulary]
        for i, word in enumerate(known):
            for j in range(max(0, i - window), min(len(known), i + window + 1)):
                if i != j:
                    table[vocabulary.index(word), vocabulary.index(known[j])] += weights[abs(i - j) - 1]
    return table


# %% alternative="cooccurrence" note="one-hot matrices, shifted against each other"
def cooccurrence(sentences, vocabulary, weights=(1.0,)):
    index = {word: i for i, word in enumerate(vocabulary)}
    table = np.zeros((len(vocabulary), len(vocabulary)))
    for sentence in sentences:
        hot = np.eye(len(vocabulary))[[index[word] for word in sentence if word in index]]
        for distance, weight in enumerate(weights, start=1):
            table += weight * hot[:-distance].T @ hot[distance:]
    return table + table.T


# %% [markdown]
# ## ppmi

# %% mistake="ppmi" slip="ln 0 kept" says="-inf|infinit"
def ppmi(counts, smoothing=0.75):
    chance = counts.sum(axis=0) ** smoothing
    expected = counts.sum(axis=1, keepdims=True) * chance / chance.sum()
    return np.log(counts / expected)


# %% mistake="ppmi" slip="NaN where a row is empty" says="NaN"
def ppmi(counts, smoothing=0.75):
    chance = counts.sum(axis=0) ** smoothing
    expected = counts.sum(axis=1, keepdims=True) * chance / chance.sum()
    return np.maximum(np.log(counts / expected), 0)


# %% mistake="ppmi" slip="negative values kept" says="negative values must become 0"
def ppmi(counts, smoothing=0.75):
    chance = counts.sum(axis=0) ** smoothing
    expected = counts.sum(axis=1, keepdims=True) * chance / chance.sum()
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.log(counts[seen] / expected[seen])
    return table


# %% mistake="ppmi" slip="no smoothing" says="smoothing was not used"
def ppmi(counts, smoothing=0.75):
    chance = counts.sum(axis=0)
    expected = counts.sum(axis=1, keepdims=True) * chance / chance.sum()
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(np.log(counts[seen] / expected[seen]), 0)
    return table


# %% mistake="ppmi" slip="the powers not divided by their sum" says="not divided by their new sum"
def ppmi(counts, smoothing=0.75):
    total = counts.sum()
    joint, row = counts / total, counts.sum(axis=1, keepdims=True) / total
    column = (counts.sum(axis=0) / total) ** smoothing
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(np.log(joint[seen] / (row * column)[seen]), 0)
    return table


# %% mistake="ppmi" slip="the powers divided by the old total" says="old total"
def ppmi(counts, smoothing=0.75):
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) ** smoothing / counts.sum()
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(np.log(counts[seen] / expected[seen]), 0)
    return table


# %% mistake="ppmi" slip="the rows smoothed" says="row sums were smoothed"
def ppmi(counts, smoothing=0.75):
    rows = counts.sum(axis=1, keepdims=True) ** smoothing
    expected = rows / rows.sum() * counts.sum(axis=0)
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(np.log(counts[seen] / expected[seen]), 0)
    return table


# %% mistake="ppmi" slip="the rows smoothed too, not divided by their new sum" says="row sums were smoothed too"
def ppmi(counts, smoothing=0.75):
    chance = counts.sum(axis=0) ** smoothing
    expected = counts.sum(axis=1, keepdims=True) ** smoothing * chance / chance.sum()
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(np.log(counts[seen] / expected[seen]), 0)
    return table


# %% mistake="ppmi" slip="the rows smoothed too, divided by their new sum" says="both smoothed"
def ppmi(counts, smoothing=0.75):
    chance, rows = counts.sum(axis=0) ** smoothing, counts.sum(axis=1, keepdims=True) ** smoothing
    expected = counts.sum() * rows / rows.sum() * chance / chance.sum()
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(np.log(counts[seen] / expected[seen]), 0)
    return table


# %% mistake="ppmi" slip="the exponent 0.75 written into the code" says="only its default"
def ppmi(counts, smoothing=0.75):
    chance = counts.sum(axis=0) ** 0.75
    expected = counts.sum(axis=1, keepdims=True) * chance / chance.sum()
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(np.log(counts[seen] / expected[seen]), 0)
    return table


# %% mistake="ppmi" slip="logarithm to base 2" says="natural logarithm"
def ppmi(counts, smoothing=0.75):
    chance = counts.sum(axis=0) ** smoothing
    expected = counts.sum(axis=1, keepdims=True) * chance / chance.sum()
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(np.log2(counts[seen] / expected[seen]), 0)
    return table


# %% mistake="ppmi" slip="the logarithm is missing" says="logarithm is asked"
def ppmi(counts, smoothing=0.75):
    chance = counts.sum(axis=0) ** smoothing
    expected = counts.sum(axis=1, keepdims=True) * chance / chance.sum()
    return np.divide(counts, expected, out=np.zeros(counts.shape), where=expected > 0)


# %% mistake="ppmi" slip="the sums over the wrong axes" says="mixed up"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=0, keepdims=True)
    c = counts.sum(axis=1) ** smoothing
    q = c / c.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(np.log(counts / (r * q)), 0))


# %% mistake="ppmi" slip="row sums without keepdims" says="keepdims"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(np.log(counts / (r * q)), 0))


# %% mistake="ppmi" slip="log(1 + x) against ln 0" says="1 was added before"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    e = r * q
    return np.maximum(np.log1p(np.divide(counts, e, out=np.zeros(counts.shape), where=e > 0)), 0)


# %% mistake="ppmi" slip="1 added to the counts against ln 0" says="added to every count"
def ppmi(counts, smoothing=0.75):
    counts = counts + 1
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    return np.maximum(np.log(counts / (r * q)), 0)


# %% mistake="ppmi" slip="the counts divided in place" says="modified in place"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        counts /= r * q
        np.log(counts, out=counts)
    return np.nan_to_num(counts.clip(min=0))


# %% mistake="ppmi" slip="the counts smoothed, not their sums" says="before the sum"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = (counts ** smoothing).sum(axis=0)
    q = c / c.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(np.log(counts / (r * q)), 0))


# %% mistake="ppmi" slip="the absolute value in place of the maximum" says="lose their sign"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.log(counts / (r * q))
    return np.where(np.isfinite(x), np.abs(x), 0)


# %% mistake="ppmi" slip="NaN from empty rows and columns" says="NaN"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    pmi = np.log(counts / (r * q))
    pmi[pmi < 0] = 0
    return pmi


# %% mistake="ppmi" slip="probabilities over counts" says="fell to 0"
def ppmi(counts, smoothing=0.75):
    p = counts / counts.sum()
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(np.log(p / (r * q)), 0))


# %% mistake="ppmi" slip="the fraction upside down" says="upside down"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.log(r * q / counts)
    return np.where(np.isfinite(x), x, 0).clip(min=0)


# %% mistake="ppmi" slip="the logarithm weighted by the count" says="multiplied by the counts"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        x = np.nan_to_num(np.maximum(np.log(counts / (r * q)), 0))
    return x * counts


# %% mistake="ppmi" slip="the smoothing as a factor" says="is an exponent"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) * smoothing
    q = c / counts.sum()
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(np.log(counts / (r * q)), 0))


# %% alternative="ppmi" note="two loops with probabilities"
def ppmi(counts, smoothing=0.75):
    total = sum(float(value) for value in counts.flat)
    powers = [float(column.sum()) ** smoothing for column in counts.T]
    result = np.zeros(counts.shape)
    for i, row in enumerate(counts):
        p_row = row.sum() / total
        for j, value in enumerate(row):
            if value > 0:
                result[i, j] = max(0.0, math_log((value / total) / (p_row * powers[j] / sum(powers))))
    return result


def math_log(value):
    return float(np.log(value))


# %% alternative="ppmi" note="sums of logarithms, then nan_to_num"
def ppmi(counts, smoothing=0.75):
    with np.errstate(divide="ignore", invalid="ignore"):
        column = smoothing * np.log(counts.sum(axis=0))
        column = column - np.log(np.exp(column).sum())
        pmi = np.log(counts) - np.log(counts.sum(axis=1))[:, None] - column[None, :]
    return np.nan_to_num(pmi, nan=0.0, neginf=0.0).clip(min=0)


# %% alternative="ppmi" note="divided everywhere with a warning, the logarithm where the count is not 0"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    table = np.zeros(counts.shape)
    seen = counts > 0
    table[seen] = np.maximum(0, np.log((counts / (r * (c / c.sum())))[seen]))
    return table


# %% alternative="ppmi" note="np.where after the logarithm, with its warnings"
def ppmi(counts, smoothing=0.75):
    r = counts.sum(axis=1, keepdims=True)
    c = counts.sum(axis=0) ** smoothing
    q = c / c.sum()
    pmi = np.log(counts / (r * q))
    return np.where(counts > 0, np.maximum(pmi, 0), 0)


# %% [markdown]
# ## svd_embedding

# %% mistake="svd_embedding" slip="U without the singular values" says="not multiplied by the singular values"
def svd_embedding(table, k):
    U, s, _ = np.linalg.svd(table, full_matrices=False)
    return U[:, :k], np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="V in place of U" says="not V or"
def svd_embedding(table, k):
    _, s, Vt = np.linalg.svd(table, full_matrices=False)
    return Vt[:k].T * s[:k], np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="columns of Vt in place of U" says="not V or"
def svd_embedding(table, k):
    _, s, Vt = np.linalg.svd(table, full_matrices=False)
    return Vt[:, :k] * s[:k], np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="rows of Vt in place of U" says="not V or"
def svd_embedding(table, k):
    _, s, Vt = np.linalg.svd(table, full_matrices=False)
    return s[:k, None] * Vt[:k], np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="the approximation in place of the vectors" says="table of rank k came"
def svd_embedding(table, k):
    U, s, Vt = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * s[:k] @ Vt[:k], np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="U @ s" says="adds the columns up"
def svd_embedding(table, k):
    U, s, _ = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] @ s[:k], np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="roots of the singular values" says="roots of the singular values"
def svd_embedding(table, k):
    U, s, _ = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * np.sqrt(s[:k]), np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="the squared error" says="square root is missing"
def svd_embedding(table, k):
    U, s, _ = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * s[:k], (s[k:] ** 2).sum() / (s**2).sum()


# %% mistake="svd_embedding" slip="singular values not squared" says="not their squares"
def svd_embedding(table, k):
    U, s, _ = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * s[:k], s[k:].sum() / s.sum()


# %% mistake="svd_embedding" slip="the kept part" says="what was lost"
def svd_embedding(table, k):
    U, s, _ = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * s[:k], np.sqrt((s[:k] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="the error not relative" says="norm of the table"
def svd_embedding(table, k):
    U, s, _ = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * s[:k], np.sqrt((s[k:] ** 2).sum())


# %% mistake="svd_embedding" slip="the third factor taken for V: rows and columns mixed" says="not V or"
def svd_embedding(table, k):
    U, s, V = np.linalg.svd(table, full_matrices=False)
    return U[:k].T * s[:k] if len(U[:k].T) == len(s[:k]) else U[:k].T, np.sqrt((s[k:] ** 2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="only the vectors" says="two results"
def svd_embedding(table, k):
    U, s, _ = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * s[:k]


# %% mistake="svd_embedding" slip="the lost part begins one too late" says="one too late"
def svd_embedding(table, k):
    U, s, Vt = np.linalg.svd(table)
    return U[:, :k] * s[:k], np.sqrt((s[k+1:]**2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="the error first" says="order is"
def svd_embedding(table, k):
    U, s, Vt = np.linalg.svd(table)
    return np.sqrt((s[k:]**2).sum() / (s**2).sum()), U[:, :k] * s[:k]


# %% mistake="svd_embedding" slip="Vt taken for V" says="not V"
def svd_embedding(table, k):
    U, s, V = np.linalg.svd(table, full_matrices=False)
    approx = U[:, :k] * s[:k] @ V[:, :k].T
    return U[:, :k] * s[:k], np.linalg.norm(table - approx) / np.linalg.norm(table)


# %% mistake="svd_embedding" slip="the mean squared error" says="mean squared error"
def svd_embedding(table, k):
    U, s, V = np.linalg.svd(table, full_matrices=False)
    approx = U[:, :k] * s[:k] @ V[:k]
    return U[:, :k] * s[:k], ((table - approx)**2).mean()


# %% mistake="svd_embedding" slip="the spectral norm" says="largest singular value"
def svd_embedding(table, k):
    U, s, V = np.linalg.svd(table, full_matrices=False)
    approx = U[:, :k] * s[:k] @ V[:k]
    return U[:, :k] * s[:k], np.linalg.norm(table - approx, 2) / np.linalg.norm(table, 2)


# %% mistake="svd_embedding" slip="the rows divided by their lengths" says="divided by their lengths"
def svd_embedding(table, k):
    U, s, V = np.linalg.svd(table, full_matrices=False)
    v = U[:, :k] * s[:k]
    n = np.linalg.norm(v, axis=1, keepdims=True)
    return v / np.where(n > 0, n, 1), np.sqrt((s[k:]**2).sum() / (s**2).sum())


# %% mistake="svd_embedding" slip="eigenvectors in rising order" says="smallest singular values"
def svd_embedding(table, k):
    w, U = np.linalg.eigh(table @ table.T)
    w = w.clip(min=0)
    return U[:, :k] * np.sqrt(w[:k]), np.sqrt(w[k:].sum() / w.sum())


# %% mistake="svd_embedding" slip="eigenvalues taken for singular values" says="squares of the singular values"
def svd_embedding(table, k):
    w, U = np.linalg.eigh(table @ table.T)
    w, U = w[::-1].clip(min=0), U[:, ::-1]
    return U[:, :k] * w[:k], np.sqrt(w[k:].sum() / w.sum())


# %% mistake="svd_embedding" slip="svds, whose order rises" says="smallest singular values"
def svd_embedding(table, k):
    from scipy.sparse.linalg import svds
    U, s, Vt = svds(table, k=k)
    return U * s, np.sqrt(max(0, 1 - (s**2).sum() / (table**2).sum()))


# %% mistake="svd_embedding" slip="1 minus the kept part, below 0 by rounding" says="rounding"
def svd_embedding(table, k):
    U, s, Vt = np.linalg.svd(table, full_matrices=False)
    return U[:, :k] * s[:k], np.sqrt(1 - (s[:k]**2).sum() / (table**2).sum())


# %% mistake="svd_embedding" slip="one column too few" says="shape"
def svd_embedding(table, k):
    U, s, Vt = np.linalg.svd(table)
    return U[:, :k-1] * s[:k-1], np.sqrt((s[k:]**2).sum() / (s**2).sum())


# %% alternative="svd_embedding" note="table times V, error from the approximation itself"
def svd_embedding(table, k):
    U, s, Vt = np.linalg.svd(table, full_matrices=False)
    approximation = U[:, :k] @ np.diag(s[:k]) @ Vt[:k]
    return table @ Vt[:k].T, np.linalg.norm(table - approximation) / np.linalg.norm(table)


# %% alternative="svd_embedding" note="PyTorch"
def svd_embedding(table, k):
    U, s, _ = torch.linalg.svd(torch.as_tensor(table, dtype=torch.float64), full_matrices=False)
    error = torch.linalg.vector_norm(s[k:]) / torch.linalg.vector_norm(s)
    return -(U[:, :k] @ torch.diag(s[:k])).numpy(), float(error)


# %% alternative="svd_embedding" note="eigenvectors of the table times its transpose"
def svd_embedding(table, k):
    values, vectors = np.linalg.eigh(table @ table.T)
    order = np.argsort(-values)
    values, vectors = np.maximum(values[order], 0), vectors[:, order]
    return vectors[:, :k] * np.sqrt(values[:k]), float(np.sqrt(values[k:].sum() / values.sum()))


# %% alternative="svd_embedding" note="randomized SVD"
def svd_embedding(table, k):
    from sklearn.utils.extmath import randomized_svd
    U, s, Vt = randomized_svd(table, k, random_state=0, n_iter=20)
    return U * s, np.linalg.norm(table - U * s @ Vt) / np.linalg.norm(table)


# %% [markdown]
# ## closest

# %% mistake="closest" slip="the words asked for are not left out" says="leave"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    total = sum(units[words.index(word)] for word in positive) - sum(units[words.index(word)] for word in negative)
    cosines = units @ total / np.linalg.norm(total)
    return [(words[i], cosines[i]) for i in np.argsort(-cosines)[:count]]


# %% mistake="closest" slip="E33: the candidates keep their lengths" says="candidate's is missing"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    total = sum(units[words.index(word)] for word in positive) - sum(units[words.index(word)] for word in negative)
    scores = vectors @ total / np.linalg.norm(total)
    order = np.argsort(-scores)
    return [(words[i], scores[i]) for i in order if words[i] not in positive and words[i] not in negative][:count]


# %% mistake="closest" slip="summed with their own lengths" says="own lengths"
def closest(positive, negative, words, vectors, count=1):
    total = sum(vectors[words.index(word)] for word in positive) - sum(vectors[words.index(word)] for word in negative)
    scores = vectors @ total / np.linalg.norm(vectors, axis=1) / np.linalg.norm(total)
    order = np.argsort(-scores)
    return [(words[i], scores[i]) for i in order if words[i] not in positive and words[i] not in negative][:count]


# %% mistake="closest" slip="the nearest by distance, without unit vectors" says="distance of the vectors"
def closest(positive, negative, words, vectors, count=1):
    total = sum(vectors[words.index(word)] for word in positive) - sum(vectors[words.index(word)] for word in negative)
    scores = vectors @ total / np.linalg.norm(vectors, axis=1) / np.linalg.norm(total)
    order = np.argsort(np.linalg.norm(vectors - total, axis=1))
    return [(words[i], scores[i]) for i in order if words[i] not in positive and words[i] not in negative][:count]


# %% mistake="closest" slip="cut before the words are left out" says="before you cut|then cut"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    total = sum(units[words.index(word)] for word in positive) - sum(units[words.index(word)] for word in negative)
    scores = units @ total / np.linalg.norm(total)
    order = np.argsort(-scores)[: count + 1]
    return [(words[i], scores[i]) for i in order if words[i] not in positive and words[i] not in negative]


# %% mistake="closest" slip="cut to count before the words are left out" says="nothing came: leave out"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    total = sum(units[words.index(word)] for word in positive) - sum(units[words.index(word)] for word in negative)
    scores = units @ total / np.linalg.norm(total)
    order = np.argsort(-scores)[:count]
    return [(words[i], scores[i]) for i in order if words[i] not in positive and words[i] not in negative]


# %% mistake="closest" slip="only the positive words are left out" says="in `negative` must be left out"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    total = sum(units[words.index(word)] for word in positive) - sum(units[words.index(word)] for word in negative)
    scores = units @ total / np.linalg.norm(total)
    order = np.argsort(-scores)
    return [(words[i], scores[i]) for i in order if words[i] not in positive][:count]


# %% mistake="closest" slip="the negative words added" says="negative words were"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    total = sum(units[words.index(word)] for word in [*positive, *negative])
    scores = units @ total / np.linalg.norm(total)
    order = np.argsort(-scores)
    return [(words[i], scores[i]) for i in order if words[i] not in positive and words[i] not in negative][:count]


# %% mistake="closest" slip="sorted from the least similar" says="least similar"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    total = sum(units[words.index(word)] for word in positive) - sum(units[words.index(word)] for word in negative)
    scores = units @ total / np.linalg.norm(total)
    order = np.argsort(scores)
    return [(words[i], scores[i]) for i in order if words[i] not in positive and words[i] not in negative][:count]


# %% mistake="closest" slip="ids in place of words" says="ids came"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    total = sum(units[words.index(word)] for word in positive) - sum(units[words.index(word)] for word in negative)
    scores = units @ total / np.linalg.norm(total)
    order = np.argsort(-scores)
    return [(int(i), scores[i]) for i in order if words[i] not in positive and words[i] not in negative][:count]


# %% mistake="closest" slip="the sum not divided by its length" says="length other than 1"
def closest(positive, negative, words, vectors, count=1):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = units @ (sum(units[words.index(w)] for w in positive) - sum(units[words.index(w)] for w in negative))
    order = np.argsort(-scores)
    return [(words[i], scores[i]) for i in order if words[i] not in positive and words[i] not in negative][:count]


# %% mistake="closest" slip="no return" says="return"
def closest(positive, negative, words, vectors, count=1):
    pass


# %% mistake="closest" slip="words without cosines" says="pairs"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    t = sum(u[words.index(w)] for w in positive) - sum(u[words.index(w)] for w in negative)
    s = u @ t / np.linalg.norm(t)
    for w in positive + negative:
        s[words.index(w)] = -1
    return [words[i] for i in np.argsort(-s)[:count]]


# %% mistake="closest" slip="lists in place of tuples" says="no list of pairs"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    t = sum(u[words.index(w)] for w in positive) - sum(u[words.index(w)] for w in negative)
    s = u @ t / np.linalg.norm(t)
    return [[words[i], s[i]] for i in np.argsort(-s) if words[i] not in positive + negative][:count]


# %% mistake="closest" slip="the pairs turned round" says="order is \\(word, cosine"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    t = sum(u[words.index(w)] for w in positive) - sum(u[words.index(w)] for w in negative)
    s = u @ t / np.linalg.norm(t)
    for w in positive + negative:
        s[words.index(w)] = -np.inf
    return [(s[i], words[i]) for i in np.argsort(-s)[:count]]


# %% mistake="closest" slip="the words of the question set to 0" says="not below every cosine"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    t = sum(u[words.index(w)] for w in positive) - sum(u[words.index(w)] for w in negative)
    s = u @ t / np.linalg.norm(t)
    for w in positive + negative:
        s[words.index(w)] = 0
    return [(words[i], s[i]) for i in np.argsort(-s)[:count]]


# %% mistake="closest" slip="the vectors divided in place" says="modified in place"
def closest(positive, negative, words, vectors, count=1):
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    t = sum(vectors[words.index(w)] for w in positive) - sum(vectors[words.index(w)] for w in negative)
    s = vectors @ t / np.linalg.norm(t)
    for w in positive + negative:
        s[words.index(w)] = -np.inf
    return [(words[i], s[i]) for i in np.argsort(-s)[:count]]


# %% mistake="closest" slip="means in place of sums" says="a mean of the positive"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    t = np.mean([u[words.index(w)] for w in positive], axis=0)
    if negative:
        t = t - np.mean([u[words.index(w)] for w in negative], axis=0)
    s = u @ t / np.linalg.norm(t)
    for w in positive + negative:
        s[words.index(w)] = -np.inf
    return [(words[i], s[i]) for i in np.argsort(-s)[:count]]


# %% mistake="closest" slip="one length for the whole array" says="length of the whole array"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors)
    t = sum(u[words.index(w)] for w in positive) - sum(u[words.index(w)] for w in negative)
    s = u @ t / np.linalg.norm(t)
    for w in positive + negative:
        s[words.index(w)] = -np.inf
    return [(words[i], s[i]) for i in np.argsort(-s)[:count]]


# %% mistake="closest" slip="the best one dropped, whatever it is" says="wherever they rank"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    t = sum(u[words.index(w)] for w in positive) - sum(u[words.index(w)] for w in negative)
    s = u @ t / np.linalg.norm(t)
    return [(words[i], s[i]) for i in np.argsort(-s)[1:count+1]]


# %% mistake="closest" slip="rows deleted, so that the places move" says="places moved"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    t = sum(u[words.index(w)] for w in positive) - sum(u[words.index(w)] for w in negative)
    gone = [words.index(w) for w in positive + negative]
    s = np.delete(u, gone, axis=0) @ t / np.linalg.norm(t)
    return [(words[i], s[i]) for i in np.argsort(-s)[:count]]


# %% mistake="closest" slip="the sum assigned anew in the loop" says="only the last"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    for w in positive:
        t = u[words.index(w)]
    for w in negative:
        t = t - u[words.index(w)]
    s = u @ t / np.linalg.norm(t)
    return [(words[i], s[i]) for i in np.argsort(-s) if words[i] not in positive + negative][:count]


# %% mistake="closest" slip="1 - cosine given" says="this is 1 - cosine"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    t = sum(u[words.index(w)] for w in positive) - sum(u[words.index(w)] for w in negative)
    s = 1 - u @ t / np.linalg.norm(t)
    return [(words[i], s[i]) for i in np.argsort(s) if words[i] not in positive + negative][:count]


# %% alternative="closest" note="a dictionary of scores, sorted"
def closest(positive, negative, words, vectors, count=1):
    unit = {word: vector / np.sqrt((vector**2).sum()) for word, vector in zip(words, vectors, strict=True)}
    total = np.zeros(vectors.shape[1])
    for word in positive:
        total = total + unit[word]
    for word in negative:
        total = total - unit[word]
    total = total / np.sqrt((total**2).sum())
    rest = {word: float(unit[word] @ total) for word in words if word not in {*positive, *negative}}
    return sorted(rest.items(), key=lambda pair: -pair[1])[:count]


# %% alternative="closest" note="PyTorch, by distance of unit vectors"
def closest(positive, negative, words, vectors, count=1):
    units = torch.nn.functional.normalize(torch.as_tensor(vectors), dim=1)
    index = {word: i for i, word in enumerate(words)}
    signs = torch.zeros(len(words), dtype=units.dtype)
    for word in positive:
        signs[index[word]] += 1
    for word in negative:
        signs[index[word]] -= 1
    total = torch.nn.functional.normalize(signs @ units, dim=0)
    distances = ((units - total) ** 2).sum(dim=1)
    for word in [*positive, *negative]:
        distances[index[word]] = float("inf")
    best = distances.topk(count, largest=False)
    return [(words[i], 1 - d / 2) for i, d in zip(best.indices.tolist(), best.values.tolist(), strict=True)]


# %% alternative="closest" note="masks over an array of words"
def closest(positive, negative, words, vectors, count=1):
    u = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    w = np.array(words)
    t = u[np.isin(w, positive)].sum(axis=0) - u[np.isin(w, negative)].sum(axis=0)
    s = u @ t / np.linalg.norm(t)
    s[np.isin(w, positive + negative)] = -2
    order = s.argsort()[::-1][:count]
    return list(zip(w[order], s[order]))


# %% [markdown]
# ## spearman

# %% mistake="spearman" slip="the correlation of the values" says="that of the ranks"
def spearman(x, y):
    return np.corrcoef(x, y)[0, 1]


# %% mistake="spearman" slip="argsort in place of ranks" says="not the ranks"
def spearman(x, y):
    return np.corrcoef(np.argsort(x), np.argsort(y))[0, 1]


# %% mistake="spearman" slip="argsort of argsort: ties get different ranks" says="share the mean"
def spearman(x, y):
    return np.corrcoef(np.argsort(np.argsort(x, kind="stable")), np.argsort(np.argsort(y, kind="stable")))[0, 1]


# %% mistake="spearman" slip="the short formula" says="short formula"
def spearman(x, y):
    def ranks(values):
        return np.array([(values < value).sum() + ((values == value).sum() + 1) / 2 for value in values])

    n = len(x)
    return 1 - 6 * ((ranks(x) - ranks(y)) ** 2).sum() / (n * (n**2 - 1))


# %% mistake="spearman" slip="ties share the smallest rank" says="smallest of their ranks"
def spearman(x, y):
    ranks = [[(values < value).sum() + 1 for value in values] for values in (x, y)]
    return np.corrcoef(*ranks)[0, 1]


# %% mistake="spearman" slip="dense ranks" says="without gaps"
def spearman(x, y):
    ranks = [np.unique(values, return_inverse=True)[1] for values in (x, y)]
    return np.corrcoef(*ranks)[0, 1]


# %% mistake="spearman" slip="one list ranked downwards" says="sign"
def spearman(x, y):
    a = np.array([(x < value).sum() + (x == value).sum() / 2 for value in x])
    b = np.array([(y > value).sum() + (y == value).sum() / 2 for value in y])
    return np.corrcoef(a, b)[0, 1]


# %% mistake="spearman" slip="scipy does it" says="uses .*rankdata"
def spearman(x, y):
    from scipy.stats import rankdata

    return np.corrcoef(rankdata(x), rankdata(y))[0, 1]


# %% mistake="spearman" slip="the whole table of np.corrcoef" says="gives a table"
def spearman(x, y):
    def r(v):
        return np.array([(v < a).sum() + ((v == a).sum() + 1) / 2 for a in v])
    return np.corrcoef(r(x), r(y))


# %% mistake="spearman" slip="the entry [0, 0] of np.corrcoef" says="with itself"
def spearman(x, y):
    def r(v):
        return np.array([(v < a).sum() + ((v == a).sum() + 1) / 2 for a in v])
    return np.corrcoef(r(x), r(y))[0, 0]


# %% mistake="spearman" slip="covariance and deviations with different divisors" says="np.cov divides"
def spearman(x, y):
    def r(v):
        return np.array([(v < a).sum() + ((v == a).sum() + 1) / 2 for a in v])
    a, b = r(x), r(y)
    return np.cov(a, b)[0, 1] / (a.std() * b.std())


# %% mistake="spearman" slip="ranks not centred" says="means were not subtracted"
def spearman(x, y):
    def r(v):
        return np.array([(v < a).sum() + ((v == a).sum() + 1) / 2 for a in v])
    a, b = r(x), r(y)
    return a @ b / np.sqrt((a @ a) * (b @ b))


# %% mistake="spearman" slip="the half cut off by //" says="// cut off"
def spearman(x, y):
    def r(v):
        return np.array([(v < a).sum() + (v == a).sum() // 2 for a in v])
    return np.corrcoef(r(x), r(y))[0, 1]


# %% mistake="spearman" slip="no root below the line" says="root below the line"
def spearman(x, y):
    def r(v):
        return np.array([(v < a).sum() + ((v == a).sum() + 1) / 2 for a in v])
    a, b = r(x), r(y)
    a, b = a - a.mean(), b - b.mean()
    return a @ b / ((a @ a) * (b @ b))


# %% mistake="spearman" slip="an argument sorted in place" says="modified in place"
def spearman(x, y):
    def r(v):
        o = v.copy()
        v.sort()
        return np.array([(v < a).sum() + ((v == a).sum() + 1) / 2 for a in o])
    return np.corrcoef(r(x), r(y))[0, 1]


# %% mistake="spearman" slip="only x ranked" says="y was not"
def spearman(x, y):
    def r(v):
        return np.array([(v < a).sum() + ((v == a).sum() + 1) / 2 for a in v])
    return np.corrcoef(r(x), y)[0, 1]


# %% mistake="spearman" slip="Kendall's correlation" says="Kendall"
def spearman(x, y):
    s = 0
    n = len(x)
    for i in range(n):
        for j in range(i):
            s += np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
    return s / (n * (n - 1) / 2)


# %% alternative="spearman" note="sorted once, runs of equal values averaged"
def spearman(x, y):
    def ranks(values):
        order = sorted(range(len(values)), key=lambda i: values[i])
        result = [0.0] * len(values)
        start = 0
        while start < len(order):
            end = start
            while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
                end += 1
            for place in range(start, end + 1):
                result[order[place]] = 1 + (start + end) / 2
            start = end + 1
        return result

    return float(np.corrcoef(ranks(x), ranks(y))[0, 1])


# %% alternative="spearman" note="searchsorted from both sides"
def spearman(x, y):
    scores = []
    for values in (np.asarray(x), np.asarray(y)):
        ordered = np.sort(values)
        ranks = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right") + 1
        centred = ranks / 2 - np.mean(ranks / 2)
        scores.append(centred / np.linalg.norm(centred))
    return float(scores[0] @ scores[1])


# %% alternative="spearman" note="lists in place of arrays"
def spearman(x, y):
    x, y = list(x), list(y)
    def r(v):
        return [(v < a).sum() + ((v == a).sum() + 1) / 2 for a in v]
    return np.corrcoef(r(x), r(y))[0, 1]


# %% [markdown]
# ## skip_gram_pairs

# %% mistake="skip_gram_pairs" slip="one direction only" says="one direction only"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(len(ids)) for j in range(i + 1, min(len(ids), i + window + 1))]


# %% mistake="skip_gram_pairs" slip="the right side one short" says="range leaves out"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(len(ids)) for j in range(max(0, i - window), min(len(ids), i + window))
            if i != j]


# %% mistake="skip_gram_pairs" slip="the centre is its own context" says="own context"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(len(ids)) for j in range(max(0, i - window), min(len(ids), i + window + 1))]


# %% mistake="skip_gram_pairs" slip="equal ids left out" says="compare places"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(len(ids)) for j in range(max(0, i - window), min(len(ids), i + window + 1))
            if ids[i] != ids[j]]


# %% mistake="skip_gram_pairs" slip="negative indices run around the end" says="around the end|from the back"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(len(ids)) for j in range(i - window, min(len(ids), i + window + 1))
            if i != j]


# %% mistake="skip_gram_pairs" slip="a set: each pair once" says="came once"
def skip_gram_pairs(ids, window):
    return list({(ids[i], ids[j]) for i in range(len(ids)) for j in range(len(ids)) if 0 < abs(i - j) <= window})


# %% mistake="skip_gram_pairs" slip="no centre at the borders" says="borders"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(window, len(ids) - window) for j in range(i - window, i + window + 1)
            if i != j]


# %% mistake="skip_gram_pairs" slip="places in place of ids" says="places came"
def skip_gram_pairs(ids, window):
    return [(i, j) for i in range(len(ids)) for j in range(len(ids)) if 0 < abs(i - j) <= window]


# %% mistake="skip_gram_pairs" slip="no return" says="return"
def skip_gram_pairs(ids, window):
    pairs = []


# %% mistake="skip_gram_pairs" slip="an array of pairs" says="no list of tuples"
def skip_gram_pairs(ids, window):
    return np.array([(ids[i], ids[j]) for i in range(len(ids)) for j in range(len(ids)) if 0 < abs(i - j) <= window])


# %% mistake="skip_gram_pairs" slip="both orders at every place" says="each pair came twice"
def skip_gram_pairs(ids, window):
    p = []
    for i in range(len(ids)):
        for j in range(len(ids)):
            if 0 < abs(i - j) <= window:
                p += [(ids[i], ids[j]), (ids[j], ids[i])]
    return p


# %% mistake="skip_gram_pairs" slip="distance below the window" says="are missing"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(len(ids)) for j in range(len(ids)) if 0 < abs(i - j) < window]


# %% mistake="skip_gram_pairs" slip="only the distance of the window itself" says="nearer belong"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(len(ids)) for j in range(len(ids)) if abs(i - j) == window]


# %% mistake="skip_gram_pairs" slip="a list of contexts for each centre" says="list of its contexts"
def skip_gram_pairs(ids, window):
    return [(c, ids[max(0, i - window):i] + ids[i + 1:i + window + 1]) for i, c in enumerate(ids)]


# %% mistake="skip_gram_pairs" slip="a slice that begins below 0" says="begins below 0"
def skip_gram_pairs(ids, window):
    p = []
    for i, c in enumerate(ids):
        for x in ids[i - window:i] + ids[i + 1:i + window + 1]:
            p.append((c, x))
    return p


# %% mistake="skip_gram_pairs" slip="the place looked up by the id" says="ids.index"
def skip_gram_pairs(ids, window):
    p = []
    for c in ids:
        i = ids.index(c)
        for j in range(max(0, i - window), min(len(ids), i + window + 1)):
            if i != j:
                p.append((c, ids[j]))
    return p


# %% mistake="skip_gram_pairs" slip="return inside the loop" says="too early"
def skip_gram_pairs(ids, window):
    p = []
    for i in range(len(ids)):
        for j in range(len(ids)):
            if 0 < abs(i - j) <= window:
                p.append((ids[i], ids[j]))
        return p


# %% alternative="skip_gram_pairs" note="every place against every other"
def skip_gram_pairs(ids, window):
    return [(ids[i], ids[j]) for i in range(len(ids)) for j in range(len(ids)) if 0 < abs(i - j) <= window]


# %% alternative="skip_gram_pairs" note="slices left and right"
def skip_gram_pairs(ids, window):
    pairs = []
    for i, centre in enumerate(ids):
        around = list(ids[max(0, i - window) : i]) + list(ids[i + 1 : i + 1 + window])
        pairs.extend((centre, context) for context in around)
    return pairs


# %% alternative="skip_gram_pairs" note="shifted lists"
def skip_gram_pairs(ids, window):
    p = []
    for d in range(1, window + 1):
        p += zip(ids, ids[d:])
        p += zip(ids[d:], ids)
    return p


# %% [markdown]
# ## negative_samples

# %% mistake="negative_samples" slip="no power" says="power 0.75 was not used"
def negative_samples(counts, uniform, power=0.75):
    edges = np.cumsum(counts)
    return np.searchsorted(edges / edges[-1], uniform, side="right")


# %% mistake="negative_samples" slip="the power after the normalisation" says="not divided by their new sum"
def negative_samples(counts, uniform, power=0.75):
    edges = np.cumsum((counts / counts.sum()) ** power)
    return np.searchsorted(edges, uniform, side="right")


# %% mistake="negative_samples" slip="not normalised" says="not divided by their sum"
def negative_samples(counts, uniform, power=0.75):
    return np.searchsorted(np.cumsum(counts**power), uniform, side="right")


# %% mistake="negative_samples" slip="the wrong side of searchsorted" says="edge"
def negative_samples(counts, uniform, power=0.75):
    edges = np.cumsum(counts**power)
    return np.searchsorted(edges / edges[-1], uniform)


# %% mistake="negative_samples" slip="the power written into the code" says="only its default"
def negative_samples(counts, uniform, power=0.75):
    edges = np.cumsum(counts**0.75)
    return np.searchsorted(edges / edges[-1], uniform, side="right")


# %% mistake="negative_samples" slip="ids counted from 1" says="begin with 1"
def negative_samples(counts, uniform, power=0.75):
    edges = np.cumsum(counts**power)
    return np.searchsorted(edges / edges[-1], uniform, side="right") + 1


# %% mistake="negative_samples" slip="NumPy's own draws" says="uses .*choice"
def negative_samples(counts, uniform, power=0.75):
    p = counts**power / (counts**power).sum()
    return np.random.default_rng(0).choice(len(counts), size=uniform.shape, p=p)


# %% mistake="negative_samples" slip="probabilities not added up" says="not added up"
def negative_samples(counts, uniform, power=0.75):
    p = counts ** power / (counts ** power).sum()
    return np.searchsorted(p, uniform, side="right")


# %% mistake="negative_samples" slip="probabilities in place of ids" says="probabilities came"
def negative_samples(counts, uniform, power=0.75):
    p = counts ** power / (counts ** power).sum()
    return p[np.searchsorted(np.cumsum(p), uniform, side="right")]


# %% mistake="negative_samples" slip="the power of the sums" says="added up before the power"
def negative_samples(counts, uniform, power=0.75):
    e = np.cumsum(counts) ** power
    return np.searchsorted(e / e[-1], uniform, side="right")


# %% mistake="negative_samples" slip="1 subtracted from the place" says="too small by 1"
def negative_samples(counts, uniform, power=0.75):
    e = np.cumsum(counts ** power / (counts ** power).sum())
    return np.searchsorted(e, uniform, side="right") - 1


# %% mistake="negative_samples" slip="the counts sorted" says="sorted"
def negative_samples(counts, uniform, power=0.75):
    w = np.sort(counts)[::-1] ** power
    e = np.cumsum(w / w.sum())
    return np.searchsorted(e, uniform, side="right")


# %% mistake="negative_samples" slip="the counts raised in place" says="modified in place"
def negative_samples(counts, uniform, power=0.75):
    counts **= power
    counts /= counts.sum()
    return np.searchsorted(np.cumsum(counts), uniform, side="right")


# %% mistake="negative_samples" slip="the uniform numbers stretched in place" says="modified in place"
def negative_samples(counts, uniform, power=0.75):
    edges = np.cumsum(counts**power)
    uniform *= edges[-1]
    return np.searchsorted(edges, uniform, side="right")


# %% mistake="negative_samples" slip="a last sum below 1, and an id too large" says="no word has this id"
def negative_samples(counts, uniform, power=0.75):
    p = counts**power / (counts**power).sum()
    return np.searchsorted(np.cumsum(p), uniform, side="right")


# %% mistake="negative_samples" slip="cut to the last id, whose count may be 0" says="count 0 was drawn: rounding"
def negative_samples(counts, uniform, power=0.75):
    p = counts**power / (counts**power).sum()
    return np.minimum(np.searchsorted(np.cumsum(p), uniform, side="right"), len(counts) - 1)


# %% mistake="negative_samples" slip="the last sum set to 1, the count 0" says="count 0 was drawn: rounding"
def negative_samples(counts, uniform, power=0.75):
    edges = np.cumsum(counts**power / (counts**power).sum())
    edges[-1] = 1
    return np.searchsorted(edges, uniform, side="right")


# %% mistake="negative_samples" slip="no sum above u, and np.argmax gives 0" says="and 0 came: rounding"
def negative_samples(counts, uniform, power=0.75):
    e = np.cumsum(counts ** power / (counts ** power).sum())
    return np.argmax(uniform[..., None] < e, axis=-1)


# %% mistake="negative_samples" slip="all words alike" says="same probability"
def negative_samples(counts, uniform, power=0.75):
    return (uniform * len(counts)).astype(int)


# %% mistake="negative_samples" slip="a flat result" says="shape"
def negative_samples(counts, uniform, power=0.75):
    e = np.cumsum(counts ** power / (counts ** power).sum())
    return np.array([np.argmax(u < e) for u in uniform.ravel()])


# %% alternative="negative_samples" note="compared with every edge"
def negative_samples(counts, uniform, power=0.75):
    edges = np.cumsum(counts**power)
    return (uniform[..., None] >= edges / edges[-1]).sum(axis=-1)


# %% alternative="negative_samples" note="a loop for each number"
def negative_samples(counts, uniform, power=0.75):
    sums, reached = [], 0.0
    for count in counts:
        reached += float(count) ** power
        sums.append(reached)
    result = np.zeros(uniform.shape, dtype=int)
    for place in np.ndindex(uniform.shape):
        for i, value in enumerate(sums):
            if uniform[place] < value / reached:
                result[place] = i
                break
    return result


# %% alternative="negative_samples" note="the first edge above"
def negative_samples(counts, uniform, power=0.75):
    e = np.cumsum(counts ** power)
    return np.argmax(uniform[..., None] < e / e[-1], axis=-1)


# %% alternative="negative_samples" note="np.digitize, cut to the last word with a count"
def negative_samples(counts, uniform, power=0.75):
    p = counts ** power / (counts ** power).sum()
    return np.minimum(np.digitize(uniform, np.cumsum(p)), np.flatnonzero(counts)[-1])


# %% alternative="negative_samples" note="the uniform numbers stretched to the last sum"
def negative_samples(counts, uniform, power=0.75):
    e = np.cumsum(counts ** power)
    return np.searchsorted(e, uniform * e[-1], side="right")


# %% [markdown]
# ## sgns_loss

# %% mistake="sgns_loss" slip="overflow of exp, and ln 0" says="overflow|NaN|inf"
def sgns_loss(u, v, centres, contexts, negatives):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    belongs = (u[centres] * v[contexts]).sum(axis=1)
    drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (-np.log(sigmoid(belongs)) - np.log(sigmoid(-drawn)).sum(axis=1)).mean()


# %% mistake="sgns_loss" slip="a small number inside the logarithm" says="clipped or raised"
def sgns_loss(u, v, centres, contexts, negatives):
    belongs = (u[centres] * v[contexts]).sum(axis=1)
    drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (-np.log(expit(belongs) + 1e-10) - np.log(expit(-drawn) + 1e-10).sum(axis=1)).mean()


# %% mistake="sgns_loss" slip="sum over the batch" says="sum over the batch|mean"
def sgns_loss(u, v, centres, contexts, negatives):
    belongs = (u[centres] * v[contexts]).sum(axis=1)
    drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (np.logaddexp(0, -belongs) + np.logaddexp(0, drawn).sum(axis=1)).sum()


# %% mistake="sgns_loss" slip="mean over the drawn words" says="averaged"
def sgns_loss(u, v, centres, contexts, negatives):
    belongs = (u[centres] * v[contexts]).sum(axis=1)
    drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (np.logaddexp(0, -belongs) + np.logaddexp(0, drawn).mean(axis=1)).mean()


# %% mistake="sgns_loss" slip="drawn words with the wrong sign" says="do not belong"
def sgns_loss(u, v, centres, contexts, negatives):
    belongs = (u[centres] * v[contexts]).sum(axis=1)
    drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (np.logaddexp(0, -belongs) + np.logaddexp(0, -drawn).sum(axis=1)).mean()


# %% mistake="sgns_loss" slip="the minus sign is missing" says="minus|sign"
def sgns_loss(u, v, centres, contexts, negatives):
    belongs = (u[centres] * v[contexts]).sum(axis=1)
    drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (-np.logaddexp(0, -belongs) - np.logaddexp(0, drawn).sum(axis=1)).mean()


# %% mistake="sgns_loss" slip="the negatives are missing" says="words drawn are missing"
def sgns_loss(u, v, centres, contexts, negatives):
    return np.logaddexp(0, -(u[centres] * v[contexts]).sum(axis=1)).mean()


# %% mistake="sgns_loss" slip="the drawn words' vectors from u" says="take v|raised|index"
def sgns_loss(u, v, centres, contexts, negatives):
    belongs = (u[centres] * v[contexts]).sum(axis=1)
    drawn = np.einsum("bd,bkd->bk", u[centres], u[negatives])
    return (np.logaddexp(0, -belongs) + np.logaddexp(0, drawn).sum(axis=1)).mean()


# %% mistake="sgns_loss" slip="one mean over all terms" says="over the pairs only"
def sgns_loss(u, v, centres, contexts, negatives):
    belongs = (u[centres] * v[contexts]).sum(axis=1)
    drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return np.concatenate([np.logaddexp(0, -belongs)[:, None], np.logaddexp(0, drawn)], axis=1).mean()


# %% mistake="sgns_loss" slip="no mean" says="mean over axis 0 is missing"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1)
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)


# %% mistake="sgns_loss" slip="every centre with every context" says="every context"
def sgns_loss(u, v, centres, contexts, negatives):
    b = u[centres] @ v[contexts].T
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (np.logaddexp(0, -b).sum(1) + np.logaddexp(0, d).sum(1)).mean()


# %% mistake="sgns_loss" slip="every centre with every context, a mean over all" says="every context: row by row"
def sgns_loss(u, v, centres, contexts, negatives):
    b = u[centres] @ v[contexts].T
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean()


# %% mistake="sgns_loss" slip="every centre with every context and every word drawn" says="every word drawn: row by row"
def sgns_loss(u, v, centres, contexts, negatives):
    b = u[centres] @ v[contexts].T
    d = v[negatives] @ u[centres].T
    return np.logaddexp(0, -b).mean() + np.logaddexp(0, d).sum(axis=1).mean()


# %% mistake="sgns_loss" slip="the centres on the wrong axis" says="wrong axis"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1)
    d = (u[centres] * v[negatives]).sum(2)
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean()


# %% mistake="sgns_loss" slip="logarithm to base 2" says="natural logarithm"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1)
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean() / np.log(2)


# %% mistake="sgns_loss" slip="u and v exchanged" says="u and v are exchanged"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (v[centres] * u[contexts]).sum(1)
    d = np.einsum("bd,bkd->bk", v[centres], u[negatives])
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean()


# %% mistake="sgns_loss" slip="centres and contexts exchanged" says="centres and contexts are exchanged"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[contexts] * v[centres]).sum(1)
    d = np.einsum("bd,bkd->bk", u[contexts], v[negatives])
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean()


# %% mistake="sgns_loss" slip="the drawn words against the context" says="it is the centre"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1)
    d = np.einsum("bd,bkd->bk", v[contexts], v[negatives])
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean()


# %% mistake="sgns_loss" slip="a mean in the product" says="u·v is a sum"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).mean(1)
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives]) / u.shape[1]
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean()


# %% mistake="sgns_loss" slip="one sigmoid of the sum of products" says="before σ"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1)
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives]).sum(1)
    return (np.logaddexp(0, -b) + np.logaddexp(0, d)).mean()


# %% mistake="sgns_loss" slip="a softmax" says="softmax"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1)
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    z = np.concatenate([b[:, None], d], 1)
    return (np.logaddexp.reduce(z, axis=1) - b).mean()


# %% mistake="sgns_loss" slip="no logarithm" says="logarithms are missing"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1)
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives])
    return -(expit(b) + expit(-d).sum(1)).mean()


# %% mistake="sgns_loss" slip="the products clipped" says="clipped at 500"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1).clip(-500, 500)
    d = np.einsum("bd,bkd->bk", u[centres], v[negatives]).clip(-500, 500)
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean()


# %% mistake="sgns_loss" slip="the first pair's drawn words for all" says="those of the first pair"
def sgns_loss(u, v, centres, contexts, negatives):
    b = (u[centres] * v[contexts]).sum(1)
    d = u[centres] @ v[negatives[0]].T
    return (np.logaddexp(0, -b) + np.logaddexp(0, d).sum(1)).mean()


# %% alternative="sgns_loss" note="loops over the pairs"
def sgns_loss(u, v, centres, contexts, negatives):
    total = 0.0
    for centre, context, drawn in zip(centres, contexts, negatives, strict=True):
        total += np.logaddexp(0, -(u[centre] @ v[context]))
        for word in drawn:
            total += np.logaddexp(0, u[centre] @ v[word])
    return total / len(centres)


# %% alternative="sgns_loss" note="PyTorch"
def sgns_loss(u, v, centres, contexts, negatives):
    centre, table = torch.as_tensor(u)[centres], torch.as_tensor(v)
    every = torch.cat([table[contexts][:, None], -table[negatives]], dim=1)
    return -torch.nn.functional.logsigmoid(torch.einsum("bd,bkd->bk", centre, every)).sum().item() / len(centres)


# %% alternative="sgns_loss" note="SciPy's log_expit"
def sgns_loss(u, v, centres, contexts, negatives):
    from scipy.special import log_expit
    b = (u[centres] * v[contexts]).sum(1)
    d = (u[centres][:, None] @ v[negatives].transpose(0, 2, 1))[:, 0]
    return -(log_expit(b) + log_expit(-d).sum(1)).mean()


# %% [markdown]
# ## sgns_gradients

# %% mistake="sgns_gradients" slip="repeated ids lose their gradients" says="add them all up"
def sgns_gradients(u, v, centres, contexts, negatives):
    centre, context, drawn = u[centres], v[contexts], v[negatives]
    error = (expit((centre * context).sum(axis=1)) - 1) / len(centres)
    errors = expit(np.einsum("bd,bkd->bk", centre, drawn)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    du[centres] += error[:, None] * context + np.einsum("bk,bkd->bd", errors, drawn)
    dv[contexts] += error[:, None] * centre
    dv[negatives] += errors[:, :, None] * centre[:, None, :]
    return du, dv


# %% mistake="sgns_gradients" slip="only the drawn words lose theirs" says="word drawn twice"
def sgns_gradients(u, v, centres, contexts, negatives):
    centre, context, drawn = u[centres], v[contexts], v[negatives]
    error = (expit((centre * context).sum(axis=1)) - 1) / len(centres)
    errors = expit(np.einsum("bd,bkd->bk", centre, drawn)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, error[:, None] * context + np.einsum("bk,bkd->bd", errors, drawn))
    np.add.at(dv, contexts, error[:, None] * centre)
    dv[negatives] += errors[:, :, None] * centre[:, None, :]
    return du, dv


# %% mistake="sgns_gradients" slip="only the contexts lose theirs" says="context that stands there twice"
def sgns_gradients(u, v, centres, contexts, negatives):
    centre, context, drawn = u[centres], v[contexts], v[negatives]
    error = (expit((centre * context).sum(axis=1)) - 1) / len(centres)
    errors = expit(np.einsum("bd,bkd->bk", centre, drawn)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, error[:, None] * context + np.einsum("bk,bkd->bd", errors, drawn))
    dv[contexts] += error[:, None] * centre
    np.add.at(dv, negatives, errors[:, :, None] * centre[:, None, :])
    return du, dv


# %% mistake="sgns_gradients" slip="sum over the batch" says="sum over the batch"
def sgns_gradients(u, v, centres, contexts, negatives):
    centre, context, drawn = u[centres], v[contexts], v[negatives]
    error = expit((centre * context).sum(axis=1)) - 1
    errors = expit(np.einsum("bd,bkd->bk", centre, drawn))
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, error[:, None] * context + np.einsum("bk,bkd->bd", errors, drawn))
    np.add.at(dv, contexts, error[:, None] * centre)
    np.add.at(dv, negatives, errors[:, :, None] * centre[:, None, :])
    return du, dv


# %% mistake="sgns_gradients" slip="signs flipped" says="sign"
def sgns_gradients(u, v, centres, contexts, negatives):
    centre, context, drawn = u[centres], v[contexts], v[negatives]
    error = (1 - expit((centre * context).sum(axis=1))) / len(centres)
    errors = -expit(np.einsum("bd,bkd->bk", centre, drawn)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, error[:, None] * context + np.einsum("bk,bkd->bd", errors, drawn))
    np.add.at(dv, contexts, error[:, None] * centre)
    np.add.at(dv, negatives, errors[:, :, None] * centre[:, None, :])
    return du, dv


# %% mistake="sgns_gradients" slip="the drawn words treated as pairs" says="its label is 0"
def sgns_gradients(u, v, centres, contexts, negatives):
    centre, context, drawn = u[centres], v[contexts], v[negatives]
    error = (expit((centre * context).sum(axis=1)) - 1) / len(centres)
    errors = (expit(np.einsum("bd,bkd->bk", centre, drawn)) - 1) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, error[:, None] * context + np.einsum("bk,bkd->bd", errors, drawn))
    np.add.at(dv, contexts, error[:, None] * centre)
    np.add.at(dv, negatives, errors[:, :, None] * centre[:, None, :])
    return du, dv


# %% mistake="sgns_gradients" slip="the drawn words forgotten in du" says="missing in du"
def sgns_gradients(u, v, centres, contexts, negatives):
    centre, context, drawn = u[centres], v[contexts], v[negatives]
    error = (expit((centre * context).sum(axis=1)) - 1) / len(centres)
    errors = expit(np.einsum("bd,bkd->bk", centre, drawn)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, error[:, None] * context)
    np.add.at(dv, contexts, error[:, None] * centre)
    np.add.at(dv, negatives, errors[:, :, None] * centre[:, None, :])
    return du, dv


# %% mistake="sgns_gradients" slip="a step of descent in place of the gradients" says="modified|gradients of"
def sgns_gradients(u, v, centres, contexts, negatives):
    centre, context, drawn = u[centres], v[contexts], v[negatives]
    error = (expit((centre * context).sum(axis=1)) - 1) / len(centres)
    errors = expit(np.einsum("bd,bkd->bk", centre, drawn)) / len(centres)
    np.add.at(u, centres, -error[:, None] * context - np.einsum("bk,bkd->bd", errors, drawn))
    np.add.at(v, contexts, -error[:, None] * centre)
    np.add.at(v, negatives, -errors[:, :, None] * centre[:, None, :])
    return u, v


# %% mistake="sgns_gradients" slip="autograd" says="uses .*backward"
def sgns_gradients(u, v, centres, contexts, negatives):
    u, v = torch.tensor(u, requires_grad=True), torch.tensor(v, requires_grad=True)
    belongs = (u[centres] * v[contexts]).sum(dim=1)
    drawn = torch.einsum("bd,bkd->bk", u[centres], v[negatives])
    loss = (torch.nn.functional.softplus(-belongs) + torch.nn.functional.softplus(drawn).sum(dim=1)).mean()
    loss.backward()
    return u.grad.numpy(), v.grad.numpy()


# %% mistake="sgns_gradients" slip="the - 1 forgotten" says="lacks the - 1"
def sgns_gradients(u, v, centres, contexts, negatives):
    c, x, w = u[centres], v[contexts], v[negatives]
    e = expit((c * x).sum(1)) / len(centres)
    f = expit(np.einsum("bd,bkd->bk", c, w)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, e[:, None] * x + np.einsum("bk,bkd->bd", f, w))
    np.add.at(dv, contexts, e[:, None] * c)
    np.add.at(dv, negatives, f[:, :, None] * c[:, None])
    return du, dv


# %% mistake="sgns_gradients" slip="the sigmoid's slope once more" says="once more"
def sgns_gradients(u, v, centres, contexts, negatives):
    c, x, w = u[centres], v[contexts], v[negatives]
    p, q = expit((c * x).sum(1)), expit(np.einsum("bd,bkd->bk", c, w))
    e = (p - 1) * p * (1 - p) / len(centres)
    f = q * q * (1 - q) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, e[:, None] * x + np.einsum("bk,bkd->bd", f, w))
    np.add.at(dv, contexts, e[:, None] * c)
    np.add.at(dv, negatives, f[:, :, None] * c[:, None])
    return du, dv


# %% mistake="sgns_gradients" slip="the pair's error with the wrong sign" says="not 1 - σ"
def sgns_gradients(u, v, centres, contexts, negatives):
    c, x, w = u[centres], v[contexts], v[negatives]
    e = (1 - expit((c * x).sum(1))) / len(centres)
    f = expit(np.einsum("bd,bkd->bk", c, w)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, e[:, None] * x + np.einsum("bk,bkd->bd", f, w))
    np.add.at(dv, contexts, e[:, None] * c)
    np.add.at(dv, negatives, f[:, :, None] * c[:, None])
    return du, dv


# %% mistake="sgns_gradients" slip="a row for each pair" says="row for each word"
def sgns_gradients(u, v, centres, contexts, negatives):
    c, x, w = u[centres], v[contexts], v[negatives]
    e = (expit((c * x).sum(1)) - 1) / len(centres)
    f = expit(np.einsum("bd,bkd->bk", c, w)) / len(centres)
    return e[:, None] * x + np.einsum("bk,bkd->bd", f, w), e[:, None] * c


# %% mistake="sgns_gradients" slip="the drawn words averaged" says="words drawn were averaged"
def sgns_gradients(u, v, centres, contexts, negatives):
    c, x, w = u[centres], v[contexts], v[negatives]
    e = (expit((c * x).sum(1)) - 1) / len(centres)
    f = expit(np.einsum("bd,bkd->bk", c, w)) / len(centres) / negatives.shape[1]
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, e[:, None] * x + np.einsum("bk,bkd->bd", f, w))
    np.add.at(dv, contexts, e[:, None] * c)
    np.add.at(dv, negatives, f[:, :, None] * c[:, None])
    return du, dv


# %% mistake="sgns_gradients" slip="dv made of context vectors" says="context vectors came"
def sgns_gradients(u, v, centres, contexts, negatives):
    c, x, w = u[centres], v[contexts], v[negatives]
    e = (expit((c * x).sum(1)) - 1) / len(centres)
    f = expit(np.einsum("bd,bkd->bk", c, w)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    np.add.at(du, centres, e[:, None] * x + np.einsum("bk,bkd->bd", f, w))
    np.add.at(dv, contexts, e[:, None] * x)
    np.add.at(dv, negatives, f[:, :, None] * w)
    return du, dv


# %% mistake="sgns_gradients" slip="one array for both" says="one and the same array"
def sgns_gradients(u, v, centres, contexts, negatives):
    c, x, w = u[centres], v[contexts], v[negatives]
    e = (expit((c * x).sum(1)) - 1) / len(centres)
    f = expit(np.einsum("bd,bkd->bk", c, w)) / len(centres)
    du = dv = np.zeros(u.shape)
    np.add.at(du, centres, e[:, None] * x + np.einsum("bk,bkd->bd", f, w))
    np.add.at(dv, contexts, e[:, None] * c)
    np.add.at(dv, negatives, f[:, :, None] * c[:, None])
    return du, dv


# %% mistake="sgns_gradients" slip="assigned, not added" says="assignment"
def sgns_gradients(u, v, centres, contexts, negatives):
    c, x, w = u[centres], v[contexts], v[negatives]
    e = (expit((c * x).sum(1)) - 1) / len(centres)
    f = expit(np.einsum("bd,bkd->bk", c, w)) / len(centres)
    du, dv = np.zeros(u.shape), np.zeros(v.shape)
    du[centres] = e[:, None] * x + np.einsum("bk,bkd->bd", f, w)
    dv[contexts] = e[:, None] * c
    dv[negatives] = f[:, :, None] * c[:, None]
    return du, dv


# %% mistake="sgns_gradients" slip="= in the loop" says="add them all up"
def sgns_gradients(u, v, centres, contexts, negatives):
    du, dv = np.zeros_like(u), np.zeros_like(v)
    B = len(centres)
    for i, j, ns in zip(centres, contexts, negatives):
        e = expit(u[i] @ v[j]) - 1
        du[i] = e * v[j] / B
        dv[j] = e * u[i] / B
        for n in ns:
            f = expit(u[i] @ v[n])
            du[i] += f * v[n] / B
            dv[n] += f * u[i] / B
    return du, dv


# %% mistake="sgns_gradients" slip="started from copies of u and v" says="start from zeros"
def sgns_gradients(u, v, centres, contexts, negatives):
    du, dv = u.copy(), v.copy()
    B = len(centres)
    for i, j, ns in zip(centres, contexts, negatives):
        e = expit(u[i] @ v[j]) - 1
        du[i] += e * v[j] / B
        dv[j] += e * u[i] / B
        for n in ns:
            f = expit(u[i] @ v[n])
            du[i] += f * v[n] / B
            dv[n] += f * u[i] / B
    return du, dv


# %% mistake="sgns_gradients" slip="only the pairs' part divided by the batch" says="batch size"
def sgns_gradients(u, v, centres, contexts, negatives):
    du, dv = np.zeros_like(u), np.zeros_like(v)
    B = len(centres)
    for i, j, ns in zip(centres, contexts, negatives):
        e = expit(u[i] @ v[j]) - 1
        du[i] += e * v[j] / B
        dv[j] += e * u[i] / B
        for n in ns:
            f = expit(u[i] @ v[n])
            du[i] += f * v[n]
            dv[n] += f * u[i]
    return du, dv


# %% mistake="sgns_gradients" slip="differences of the loss" says="sgns_loss"
def sgns_gradients(u, v, centres, contexts, negatives):
    def slopes(values):
        result = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            kept, found = values[place], []
            for step in (-1e-6, 1e-6):
                values[place] = kept + step
                found.append(sgns_loss(u, v, centres, contexts, negatives))
            values[place] = kept
            result[place] = (found[1] - found[0]) / 2e-6
        return result

    return slopes(u), slopes(v)


# %% mistake="sgns_gradients" slip="differences of a loss of one's own" says="few digits"
def sgns_gradients(u, v, centres, contexts, negatives):
    def loss():
        belongs = (u[centres] * v[contexts]).sum(axis=1)
        drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
        return (np.logaddexp(0, -belongs) + np.logaddexp(0, drawn).sum(axis=1)).mean()

    def slopes(values):
        result = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            kept, found = values[place], []
            for step in (-1e-5, 1e-5):
                values[place] = kept + step
                found.append(loss())
            values[place] = kept
            result[place] = (found[1] - found[0]) / 2e-5
        return result

    return slopes(u), slopes(v)


# %% mistake="sgns_gradients" slip="differences of fourth order" says="few digits"
def sgns_gradients(u, v, centres, contexts, negatives):
    def loss():
        belongs = (u[centres] * v[contexts]).sum(axis=1)
        drawn = np.einsum("bd,bkd->bk", u[centres], v[negatives])
        return (np.logaddexp(0, -belongs) + np.logaddexp(0, drawn).sum(axis=1)).mean()

    def slopes(values):
        result = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            kept, found = values[place], []
            for step in (-2e-3, -1e-3, 1e-3, 2e-3):
                values[place] = kept + step
                found.append(loss())
            values[place] = kept
            result[place] = (found[0] - 8 * found[1] + 8 * found[2] - found[3]) / 12e-3
        return result

    return slopes(u), slopes(v)


# %% alternative="sgns_gradients" note="loops over pairs and drawn words"
def sgns_gradients(u, v, centres, contexts, negatives):
    du, dv = np.zeros_like(u), np.zeros_like(v)
    batch = len(centres)
    for i, j, drawn in zip(centres, contexts, negatives, strict=True):
        error = expit(u[i] @ v[j]) - 1
        du[i] += error * v[j] / batch
        dv[j] += error * u[i] / batch
        for word in drawn:
            error = expit(u[i] @ v[word])
            du[i] += error * v[word] / batch
            dv[word] += error * u[i] / batch
    return du, dv


# %% alternative="sgns_gradients" note="one-hot matrices, labels 1 and 0"
def sgns_gradients(u, v, centres, contexts, negatives):
    batch, k = negatives.shape
    targets = np.concatenate([contexts[:, None], negatives], axis=1)
    labels = np.zeros((batch, k + 1))
    labels[:, 0] = 1
    errors = (expit(np.einsum("bd,bkd->bk", u[centres], v[targets])) - labels) / batch
    left, right = np.eye(len(u))[centres], np.eye(len(v))[targets]
    weights = np.einsum("bk,bkn->bn", errors, right)
    return left.T @ (weights @ v), weights.T @ u[centres]


# %% alternative="sgns_gradients" note="loops, and a list of two arrays"
def sgns_gradients(u, v, centres, contexts, negatives):
    du, dv = np.zeros_like(u), np.zeros_like(v)
    B = len(centres)
    for i, j, ns in zip(centres, contexts, negatives):
        e = expit(u[i] @ v[j]) - 1
        du[i] += e * v[j] / B
        dv[j] += e * u[i] / B
        for n in ns:
            f = expit(u[i] @ v[n])
            du[i] += f * v[n] / B
            dv[n] += f * u[i] / B
    return [du, dv]


# %% [markdown]
# ## Mutants that compute the same

# %% [markdown] equivalent="cosine_similarities" mutant="lengths[lengths == 0] = 1 -> lengths[lengths == 0] = 2"
# a vector of zeros divided by any number stays one

# %% [markdown] equivalent="spearman" mutant="low = [(v < r).sum() for r in v] -> low = [(v > r).sum() for r in v]"
# both lists are then ranked from the largest down, which leaves their correlation as it was

# %% [markdown] equivalent="sgns_loss" mutant="losses = np.logaddexp(0, z) -> losses = np.logaddexp(z, 0)"
# a sum does not depend on the order of its two terms

# %% [markdown] equivalent="spearman" mutant="table = np.corrcoef(a, b) -> table = np.corrcoef(b, a)"
# a correlation is symmetric
