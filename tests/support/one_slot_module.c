/* A PKCS#11 module with one reader, for tests: SoftHSM's tokens are the cards, and one at a time is in the reader.
 *
 * ONE_SLOT_FOLDER names a folder. Its file `card` says which card is in the reader: a number, or nothing. The file
 * `card-N` keeps the serial of SoftHSM's token that is card N, once it has been initialised; until then the card is
 * SoftHSM's blank token. A card's serial is CARD-N from the first, as a real card's is, and ONE_SLOT_MODULE is the path
 * of SoftHSM. What is done with a card that is not in the reader fails with CKR_DEVICE_REMOVED. Where there is a file
 * `user-only`, cards let their user alone write objects. Where there is a file `hold`, the making of a key renames it
 * to `held` and waits until that is gone: a place to kill at, where SoftHSM is not writing a file, since it leaves that
 * one empty, which no card would do. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define SLOT 0
#define MAX_SLOTS 64

static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST ours;
static long session_card; /* that was in the reader when sessions were opened */

static void path_of(char *out, size_t room, const char *name)
{
    const char *folder = getenv("ONE_SLOT_FOLDER");
    (void)snprintf(out, room, "%s/%s", folder ? folder : ".", name);
}

/* 0: the reader is empty. */
static long present_card(void)
{
    char path[512];
    long card = 0;
    path_of(path, sizeof path, "card");
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    if (fscanf(file, "%ld", &card) != 1)
        card = 0;
    (void)fclose(file);
    return card;
}

static void card_path(char *out, size_t room, long card)
{
    char name[32];
    (void)snprintf(name, sizeof name, "card-%ld", card);
    path_of(out, room, name);
}

/* False: the card is blank. */
static int read_serial(long card, CK_UTF8CHAR out[16])
{
    char path[512];
    card_path(path, sizeof path, card);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    int known = fread(out, 1, 16, file) == 16;
    (void)fclose(file);
    return known;
}

static void write_serial(long card, const CK_UTF8CHAR serial[16])
{
    char path[512];
    card_path(path, sizeof path, card);
    FILE *file = fopen(path, "w");
    if (!file)
        abort();
    (void)fwrite(serial, 1, 16, file);
    (void)fclose(file);
}

/* SoftHSM's slot of the card. */
static CK_RV find_slot(long card, CK_SLOT_ID *ret)
{
    CK_SLOT_ID slots[MAX_SLOTS];
    CK_UTF8CHAR serial[16];
    CK_ULONG count = 0;
    int known = read_serial(card, serial);
    CK_RV rv = real->C_GetSlotList(CK_TRUE, NULL, &count);
    count = MAX_SLOTS;
    if (rv == CKR_OK)
        rv = real->C_GetSlotList(CK_TRUE, slots, &count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        CK_TOKEN_INFO info;
        if (real->C_GetTokenInfo(slots[i], &info) != CKR_OK)
            continue;
        if (known ? memcmp(info.serialNumber, serial, 16) == 0 : !(info.flags & CKF_TOKEN_INITIALIZED)) {
            *ret = slots[i];
            return CKR_OK;
        }
    }
    return rv == CKR_OK ? CKR_DEVICE_ERROR : rv;
}

static CK_RV slot_now(CK_SLOT_ID slot, CK_SLOT_ID *ret)
{
    long card = present_card();
    if (slot != SLOT)
        return CKR_SLOT_ID_INVALID;
    return card == 0 ? CKR_TOKEN_NOT_PRESENT : find_slot(card, ret);
}

static CK_RV get_slot_list(CK_BBOOL present, CK_SLOT_ID_PTR list, CK_ULONG_PTR count)
{
    CK_ULONG there = !present || present_card() != 0, room = *count;
    *count = there;
    if (!list)
        return CKR_OK;
    if (room < there)
        return CKR_BUFFER_TOO_SMALL;
    if (there)
        list[0] = SLOT;
    return CKR_OK;
}

static CK_RV get_slot_info(CK_SLOT_ID slot, CK_SLOT_INFO_PTR info)
{
    if (slot != SLOT)
        return CKR_SLOT_ID_INVALID;
    memset(info, 0, sizeof *info);
    memset(info->slotDescription, ' ', sizeof info->slotDescription);
    memset(info->manufacturerID, ' ', sizeof info->manufacturerID);
    memcpy(info->slotDescription, "Reader", 6);
    info->flags = CKF_REMOVABLE_DEVICE | CKF_HW_SLOT | (present_card() != 0 ? CKF_TOKEN_PRESENT : 0);
    return CKR_OK;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info)
{
    CK_SLOT_ID under = 0;
    char serial[32];
    CK_RV rv = slot_now(slot, &under);
    if (rv == CKR_OK)
        rv = real->C_GetTokenInfo(under, info);
    if (rv != CKR_OK)
        return rv;
    (void)snprintf(serial, sizeof serial, "CARD-%-11ld", present_card());
    memcpy(info->serialNumber, serial, 16);
    return CKR_OK;
}

static CK_RV get_mechanism_list(CK_SLOT_ID slot, CK_MECHANISM_TYPE_PTR list, CK_ULONG_PTR count)
{
    CK_SLOT_ID under = 0;
    CK_RV rv = slot_now(slot, &under);
    return rv == CKR_OK ? real->C_GetMechanismList(under, list, count) : rv;
}

static CK_RV get_mechanism_info(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO_PTR info)
{
    CK_SLOT_ID under = 0;
    CK_RV rv = slot_now(slot, &under);
    return rv == CKR_OK ? real->C_GetMechanismInfo(under, type, info) : rv;
}

static CK_RV init_token(CK_SLOT_ID slot, CK_UTF8CHAR_PTR pin, CK_ULONG len, CK_UTF8CHAR_PTR label)
{
    CK_SLOT_ID under = 0;
    CK_TOKEN_INFO info;
    CK_RV rv = slot_now(slot, &under);
    if (rv == CKR_OK)
        rv = real->C_InitToken(under, pin, len, label);
    if (rv == CKR_OK)
        rv = real->C_GetTokenInfo(under, &info);
    if (rv == CKR_OK)
        write_serial(present_card(), info.serialNumber);
    return rv;
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, CK_VOID_PTR app, CK_NOTIFY notify, CK_SESSION_HANDLE_PTR ret)
{
    CK_SLOT_ID under = 0;
    CK_RV rv = slot_now(slot, &under);
    if (rv != CKR_OK)
        return rv;
    session_card = present_card();
    return real->C_OpenSession(under, flags, app, notify, ret);
}

/* The calls that a pulled card is noticed by. */
static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR_PTR pin, CK_ULONG len)
{
    return present_card() == session_card ? real->C_Login(session, user, pin, len) : CKR_DEVICE_REMOVED;
}

static void wait_if_held(void)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    char hold[512], held[512];
    path_of(hold, sizeof hold, "hold");
    path_of(held, sizeof held, "held");
    if (rename(hold, held) != 0)
        return;
    while (access(held, F_OK) == 0)
        (void)nanosleep(&pause, NULL);
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM_PTR mechanism, CK_ATTRIBUTE_PTR public_template,
                               CK_ULONG public_count, CK_ATTRIBUTE_PTR private_template, CK_ULONG private_count,
                               CK_OBJECT_HANDLE_PTR public_key, CK_OBJECT_HANDLE_PTR private_key)
{
    if (present_card() != session_card)
        return CKR_DEVICE_REMOVED;
    wait_if_held();
    return real->C_GenerateKeyPair(session, mechanism, public_template, public_count, private_template, private_count,
                                   public_key, private_key);
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                           CK_OBJECT_HANDLE_PTR ret)
{
    CK_SESSION_INFO info = {0};
    char path[512];
    path_of(path, sizeof path, "user-only");
    CK_RV rv = real->C_GetSessionInfo(session, &info);
    if (rv == CKR_OK && info.state != CKS_RW_USER_FUNCTIONS && access(path, F_OK) == 0)
        return CKR_USER_NOT_LOGGED_IN;
    return rv == CKR_OK ? real->C_CreateObject(session, template, count, ret) : rv;
}

CK_RV C_GetFunctionList(CK_FUNCTION_LIST_PTR_PTR list)
{
    if (!real) {
        const char *path = getenv("ONE_SLOT_MODULE");
        void *module = dlopen(path ? path : "libsofthsm2.so", RTLD_NOW | RTLD_LOCAL);
        CK_C_GetFunctionList get = module ? (CK_C_GetFunctionList)dlsym(module, "C_GetFunctionList") : NULL;
        if (!get || get(&real) != CKR_OK)
            return CKR_GENERAL_ERROR;
    }
    ours = *real;
    ours.C_GetFunctionList = C_GetFunctionList;
    ours.C_GetSlotList = get_slot_list;
    ours.C_GetSlotInfo = get_slot_info;
    ours.C_GetTokenInfo = get_token_info;
    ours.C_GetMechanismList = get_mechanism_list;
    ours.C_GetMechanismInfo = get_mechanism_info;
    ours.C_InitToken = init_token;
    ours.C_OpenSession = open_session;
    ours.C_Login = login;
    ours.C_GenerateKeyPair = generate_key_pair;
    ours.C_CreateObject = create_object;
    *list = &ours;
    return CKR_OK;
}
