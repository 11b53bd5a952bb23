# Softmax regression on handwritten digits, in awk: any program can be what labtui tunes.
# It gets LABTUI_... variables, and prints its results as JSON lines.
BEGIN {
    rate = ENVIRON["LABTUI_P_LEARNING_RATE"]; decay = ENVIRON["LABTUI_P_L2"]
    batch = ENVIRON["LABTUI_P_BATCH_SIZE"]; init = ENVIRON["LABTUI_P_INIT_SCALE"]
    seed = ENVIRON["LABTUI_SEED"]; last = ENVIRON["LABTUI_MAX_STEPS"]
    every = ENVIRON["LABTUI_EVAL_EVERY"]; folder = ENVIRON["LABTUI_CHECKPOINT_DIR"]
    CLASSES = 10; PIXELS = 64; WIDTH = PIXELS + 1; TRAINING = 700; EXAMPLES = 1000
    read_images("awk_softmax.csv")
    if ("LABTUI_RESUME_PATH" in ENVIRON) restore(ENVIRON["LABTUI_RESUME_PATH"])
    else initialize()
    for (step = ENVIRON["LABTUI_START_STEP"] + 1; step <= last; step++) {
        loss = update(step)
        if (step == 1 || step % every == 0 || step == last) {
            evaluate(step, loss)
            save(step)
            if (asked_to_stop()) exit
        }
    }
}

function read_images(file,    line, cells, i, k) {
    for (i = 1; i <= EXAMPLES && (getline line < file) > 0; i++) {
        split(line, cells, ",")
        label[i] = cells[1]
        for (k = 1; k <= PIXELS; k++) image[i * WIDTH + k] = cells[k + 1] / 8 - 1
        image[i * WIDTH] = 1 # the bias
    }
}

# The generator of Park and Miller: the same numbers in every awk.
function draw() { return (state = (16807 * state) % 2147483647) / 2147483647 }
function begin(number,    i) {
    state = 1 + (seed * 48271 + number * 69621) % 2147483646
    for (i = 0; i < 5; i++) draw()
}

function initialize(    j) {
    begin(0)
    for (j = 0; j < CLASSES * WIDTH; j++) weight[j] = init * (draw() - 0.5)
}

# Fill p[0..9] with the model's probabilities for image i; return its loss there.
function predict(i,    c, j, k, sum, top, total) {
    for (c = 0; c < CLASSES; c++) {
        j = c * WIDTH; k = i * WIDTH
        for (sum = 0; j < (c + 1) * WIDTH; j++) sum += weight[j] * image[k++]
        p[c] = sum
        if (c == 0 || sum > top) { top = sum; guess = c }
    }
    for (c = 0; c < CLASSES; c++) total += (p[c] = p[c] - top < -700 ? 0 : exp(p[c] - top))
    for (c = 0; c < CLASSES; c++) p[c] /= total
    return log(total) - log(p[label[i]] * total + 1e-300)
}

function update(number,    b, c, i, j, k, loss, slope) {
    begin(number) # drawn from seed and step alone: a resumed run is the same run
    for (b = 0; b < batch; b++) {
        i = 1 + int(draw() * TRAINING)
        loss += predict(i) / batch
        for (c = 0; c < CLASSES; c++) {
            slope = (p[c] - (c == label[i])) / batch
            j = c * WIDTH; k = i * WIDTH
            for (; j < (c + 1) * WIDTH; j++) gradient[j] += slope * image[k++]
        }
    }
    for (j = 0; j < CLASSES * WIDTH; j++) {
        weight[j] -= rate * (gradient[j] + decay * weight[j])
        gradient[j] = 0
    }
    return loss
}

function evaluate(step, training_loss,    i, loss, wrong, n) {
    n = EXAMPLES - TRAINING
    for (i = TRAINING + 1; i <= EXAMPLES; i++) {
        loss += predict(i) / n
        wrong += (guess != label[i])
    }
    printf "{\"step\": %d, \"train/loss\": %.17g, \"validation/loss\": %.17g, \"validation/error_rate\": %.17g}\n", step, training_loss, loss, wrong / n
}

# Every checkpoint has a name of its own: labtui moves it away once it is reported.
function save(step,    j, file) {
    file = folder "/weights-" step
    for (j = 0; j < CLASSES * WIDTH; j++) printf "%.17g\n", weight[j] > file
    close(file)
    printf "{\"step\": %d, \"checkpoint\": \"weights-%d\"}\n", step, step
    fflush() # or labtui would hear of it when the program ends
}

function restore(file,    j) {
    for (j = 0; j < CLASSES * WIDTH; j++) getline weight[j] < file
}

function asked_to_stop(    line, found) {
    found = (getline line < ENVIRON["LABTUI_STOP_FILE"]) >= 0
    close(ENVIRON["LABTUI_STOP_FILE"])
    return found
}
